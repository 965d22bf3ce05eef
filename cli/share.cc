#include <filesystem>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "cli/location.h"
#include "cli/redact.h"
#include "core/base/private_file.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

struct Request {
  access::Permission permission;
  std::vector<access::SharePrefix> prefixes;
};

Result<Request> parse_request(const ShareOptions& options, Time now) {
  Request request;
  auto& p = request.permission;
  p.reads = !options.disallow_reads.value_or(options.writeonly);
  p.lists = !options.disallow_lists.value_or(options.writeonly);
  p.writes = !options.disallow_writes.value_or(options.readonly);
  p.deletes = !options.disallow_deletes.value_or(options.readonly);
  if (!p.reads && !p.lists && !p.writes && !p.deletes) {
    return make_error(Errc::kUsage,
                      "the new access would permit nothing; --writeonly needs --readonly=false beside it");
  }
  auto before = parse_human_time(options.not_before, now, Rounding::kDown, "--not-before");
  if (!before) return before.error();
  p.not_before = *before;
  auto after = parse_human_time(options.not_after, now, Rounding::kUp, "--not-after");
  if (!after) return after.error();
  p.not_after = *after;
  if (!options.max_object_ttl.empty()) {
    p.max_object_ttl = parse_duration(options.max_object_ttl);
    if (!p.max_object_ttl) {
      return make_error(Errc::kUsage, "--max-object-ttl " + shown(options.max_object_ttl) +
                                          " is not a period; write 24h or 1h30m");
    }
  }
  for (const auto& text : options.prefixes) {
    auto at = parse_remote(text);
    if (!at) return at.error();
    if (at->kind != Location::Kind::kStorj) {
      return make_error(Errc::kUsage, at->text() + ": accesses are to sj://BUCKET[/PREFIX]");
    }
    request.prefixes.push_back({at->bucket, at->path});
  }
  return request;
}

const char* allowed(bool yes) {
  return yes ? "Allowed" : "Disallowed";
}

std::string restriction(const std::optional<Time>& time) {
  return time ? format_time(*time, true) : "No restriction";
}

std::string path_text(const access::SharePrefix& prefix) {
  return "sj://" + prefix.bucket + "/" + (prefix.prefix.empty() ? " (entire bucket)" : prefix.prefix);
}

// uplink's text, which scripts parse.
void print_text(const Printer& out, const access::Grant& grant, const Request& request,
                const std::string& shared) {
  const auto& p = request.permission;
  out.line("Sharing access to satellite " + grant.satellite_url);
  out.line("=========== ACCESS RESTRICTIONS ==========================================================");
  out.line(std::string("Download     : ") + allowed(p.reads));
  out.line(std::string("Upload       : ") + allowed(p.writes));
  out.line(std::string("Lists        : ") + allowed(p.lists));
  out.line(std::string("Deletes      : ") + allowed(p.deletes));
  out.line("NotBefore    : " + restriction(p.not_before));
  out.line("NotAfter     : " + restriction(p.not_after));
  out.line("MaxObjectTTL : " + (p.max_object_ttl ? format_go_duration(*p.max_object_ttl) : "Not set"));
  std::string label = "Paths        : ";
  for (const auto& prefix : request.prefixes) {
    out.line(label + path_text(prefix));
    label.assign("            ");
  }
  out.line("=========== SERIALIZED ACCESS WITH THE ABOVE RESTRICTIONS TO SHARE WITH OTHERS ===========");
  out.line("Access       : " + shared);
}

void print_json(const Printer& out, const access::Grant& grant, const Request& request,
                const std::string& shared, const std::string& exported_to) {
  const auto& p = request.permission;
  auto time = [](const std::optional<Time>& t) { return t ? Json(format_rfc3339(*t)) : Json(nullptr); };
  Json paths = Json::array();
  for (const auto& prefix : request.prefixes) paths.push_back("sj://" + prefix.bucket + "/" + prefix.prefix);
  Json json{{"satellite", grant.satellite_url},
            {"download", p.reads},
            {"upload", p.writes},
            {"lists", p.lists},
            {"deletes", p.deletes}};
  json["not_before"] = time(p.not_before);
  json["not_after"] = time(p.not_after);
  json["max_object_ttl"] = p.max_object_ttl ? Json(format_go_duration(*p.max_object_ttl)) : Json(nullptr);
  json["paths"] = std::move(paths);
  json["access"] = shared;
  if (!exported_to.empty()) json["exported_to"] = exported_to;
  out.exact(to_line(json));
}

}  // namespace

int run_command(const ShareOptions& options, const Session& session) {
  if (!options.edge_options.empty()) {
    return session.fail(
        make_error(Errc::kUnsupported, options.edge_options.front() +
                                           ": share makes the access and does not register it with the auth "
                                           "service; give the access to sjcp access register"));
  }
  auto now = session.io().clock->wall_now();
  auto request = parse_request(options, now);
  if (!request) return session.fail(request.error());
  auto grant = session.open_access(options.access);
  if (!grant) return session.fail(grant.error());
  auto restricted = grant->restrict(request->permission, request->prefixes);
  if (!restricted) return session.fail(restricted.error());
  std::string shared = restricted->serialize();

  std::string exported_to;
  if (!options.export_to.empty()) {
    std::error_code ignored;
    exported_to = std::filesystem::absolute(options.export_to, ignored).lexically_normal().string();
    auto written = replace_private_file(exported_to, shared + "\n");
    if (!written) return session.fail(written.error());
  }
  if (options.json) {
    print_json(session.out(), *grant, *request, shared, exported_to);
  } else {
    print_text(session.out(), *grant, *request, shared);
    if (!exported_to.empty()) session.out().line("Exported to: " + exported_to);
  }
  return kExitOk;
}

}  // namespace sjcp::cli
