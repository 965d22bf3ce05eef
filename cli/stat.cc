#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/location.h"
#include "cli/redact.h"
#include "cli/services.h"
#include "core/transfer/error_rank.h"

namespace sjcp::cli {
namespace {

// What is known of an object, wherever it is.
struct Facts {
  std::string name;
  uint64_t size = 0;  // transfer::kUnknownSize: nobody knows
  transfer::Time created;
  std::optional<transfer::Time> expires;
  std::string etag;
  std::string version;  // of a URL: what its ranges are pinned to
  std::map<std::string, std::string> metadata;

  bool sized() const { return size != transfer::kUnknownSize; }
};

Result<Facts> ask_store(const Location& at, Services& services, const Session& session) {
  auto store = services.store(at);
  if (!store) return store.error();
  auto object = (*store)->stat_object(at.bucket, at.path, session.io().stop);
  if (!object) {
    return explain_missing(object.error(), **store, at, "sjcp ls shows what is below it", session.io().stop);
  }
  return Facts{at.text(), object->size, object->created, object->expires, object->etag, "", object->metadata};
}

Result<Facts> ask_url(const Location& at, Services& services) {
  auto source = services.open(at);
  if (!source) return source.error();
  auto info = (*source)->open({}, services.context());
  if (!info) return info.error();
  return Facts{at.text(), info->size, info->created, {}, "", info->version, info->metadata};
}

Json json_of(const Facts& facts) {
  Json json{{"name", facts.name}, {"size", facts.sized() ? Json(facts.size) : Json(nullptr)}};
  if (facts.created.time_since_epoch().count() != 0) json["created"] = format_rfc3339(facts.created);
  if (facts.expires) json["expires"] = format_rfc3339(*facts.expires);
  if (!facts.etag.empty()) json["etag"] = facts.etag;
  if (!facts.version.empty()) json["version"] = facts.version;
  if (!facts.metadata.empty()) json["metadata"] = facts.metadata;
  return json;
}

void print(const Facts& facts, bool utc, const Printer& out) {
  const auto line = [&out](const char* what, const std::string& value) { out.line(what + value); };
  line("Name:     ", facts.name);
  line("Size:     ", facts.sized() ? std::to_string(facts.size) : "unknown");
  if (facts.created.time_since_epoch().count() != 0) line("Created:  ", format_time(facts.created, utc));
  if (facts.expires) line("Expires:  ", format_time(*facts.expires, utc));
  if (!facts.etag.empty()) line("ETag:     ", facts.etag);
  if (!facts.version.empty()) line("Version:  ", facts.version);
  for (const auto& [key, value] : facts.metadata) line("Metadata: ", key + "=" + value);
}

}  // namespace

int run_command(const StatOptions& options, const Session& session) {
  Services services(session, options.service);
  transfer::WorstError worst;
  bool shown_any = false;
  for (const std::string& text : options.locations) {
    auto at = Location::parse(text);
    if (!at) return session.fail(at.error());
    if (!at->is_remote() || (at->is_in_store() && at->path.empty())) {
      return session.fail(
          make_error(Errc::kUsage, shown(text) + " is no object; write sj://BUCKET/KEY or a URL"));
    }
    auto facts = at->is_url() ? ask_url(*at, services) : ask_store(*at, services, session);
    if (!facts) {
      session.fail(facts.error());
      worst.add(facts.error());
      continue;
    }
    shown_any = true;
    if (options.json) {
      session.out().exact(to_line(json_of(*facts)));
    } else {
      print(*facts, options.utc, session.out());
    }
  }
  if (!worst.get()) return kExitOk;
  return shown_any ? static_cast<int>(kExitSomeFailed) : exit_code(worst.get()->code);
}

}  // namespace sjcp::cli
