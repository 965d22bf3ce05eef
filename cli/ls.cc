#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/services.h"
#include "cli/table.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

uint64_t metadata_bytes(const transfer::ObjectItem& item) {
  uint64_t bytes = 0;
  for (const auto& [key, value] : item.metadata) bytes += key.size() + value.size();
  return bytes;
}

// What uplink prints as the key: below the folder being listed, or from the bucket on when recursive.
std::string shown_key(const LsOptions& options, const Location& at, const transfer::ObjectItem& item) {
  if (options.recursive) return item.key;
  std::string parent = at.parent();
  return item.key.starts_with(parent) ? item.key.substr(parent.size()) : item.key;
}

std::string shown_time(Time time, bool utc) {
  return time.time_since_epoch().count() == 0 ? "" : format_time(time, utc);
}

int list_buckets(const LsOptions& options, transfer::Store& store, const Session& session) {
  auto buckets = store.list_buckets(session.io().stop);
  if (!buckets) return session.fail(buckets.error());
  Table table(session.out(), {"CREATED", "NAME"});
  for (const auto& bucket : *buckets) {
    if (options.format == ListFormat::kJson) {
      session.out().exact(to_line(Json{{"Name", bucket.name}, {"Created", format_rfc3339(bucket.created)}}));
    } else if (options.format == ListFormat::kNull) {
      session.out().exact(bucket.name + '\0');
    } else {
      table.add({shown_time(bucket.created, options.utc), bucket.name});
    }
  }
  table.flush();
  return kExitOk;
}

Json json_item(const LsOptions& options, const std::string& key, const transfer::ObjectItem& item) {
  if (item.is_prefix) return Json{{"kind", "PRE"}, {"key", key}};
  Json json{
      {"kind", "OBJ"}, {"created", shown_time(item.created, options.utc)}, {"size", item.size}, {"key", key}};
  if (item.expires) json["expires"] = shown_time(*item.expires, options.utc);
  if (uint64_t bytes = metadata_bytes(item); bytes > 0) json["meta"] = bytes;
  return json;
}

std::vector<std::string> table_item(const LsOptions& options, const std::string& key,
                                    const transfer::ObjectItem& item) {
  std::vector<std::string> cells = {"PRE", "", "", key};
  if (!item.is_prefix) {
    cells = {"OBJ", shown_time(item.created, options.utc),
             options.human ? format_size(item.size) : std::to_string(item.size), key};
  }
  if (options.expanded) {
    cells.push_back(item.expires ? shown_time(*item.expires, options.utc) : "");
    cells.push_back(item.is_prefix ? "" : std::to_string(metadata_bytes(item)));
  }
  return cells;
}

int list_objects(const LsOptions& options, const Location& at, transfer::Store& store,
                 const Session& session) {
  std::vector<std::string> header = {"KIND", "CREATED", "SIZE", "KEY"};
  if (options.expanded) header.insert(header.end(), {"EXPIRES", "META"});
  Table table(session.out(), header);
  uint64_t hidden = 0;
  ListRequest request{at, options.recursive, options.pending, options.expanded, &hidden};
  auto listed = list_location(
      store, request,
      [&](const transfer::ObjectItem& item) {
        std::string key = shown_key(options, at, item);
        if (options.format == ListFormat::kJson) {
          session.out().exact(to_line(json_item(options, key, item)));
        } else if (options.format == ListFormat::kNull) {
          session.out().exact(key + '\0');
        } else {
          table.add(table_item(options, key, item));
        }
        return session.check_out();
      },
      session.io().stop);
  table.flush();
  if (!listed) return session.fail(listed.error());
  // Two passphrases in a bucket are usual: what is listed is all that this access has.
  if (hidden > 0) Services::warn(hidden_text(at, hidden));
  return kExitOk;
}

}  // namespace

int run_command(const LsOptions& options, const Session& session) {
  std::optional<Location> at = parse_store(options.location.empty() ? "sj://" : options.location);
  if (!at) {
    auto location = parse_remote(options.location);
    if (!location) return session.fail(location.error());
    at = std::move(*location);
  }
  Services services(session, options.service);
  auto store = services.store(*at);
  if (!store) return session.fail(store.error());
  if (at->bucket.empty()) return list_buckets(options, **store, session);
  return list_objects(options, *at, **store, session);
}

}  // namespace sjcp::cli
