#include "cli/location.h"

#include "cli/redact.h"
#include "net/hf/repo.h"
#include "net/http/url.h"
#include "net/s3/settings.h"
#include "net/storj/project.h"

namespace sjcp::cli {
namespace {

using Kind = Location::Kind;

struct Scheme {
  Kind kind;
  const char* prefix;
  const char* form;  // what follows the prefix, for messages
};

constexpr Scheme kSchemes[] = {
    {Kind::kStorj, "sj://", "BUCKET/KEY"},
    {Kind::kS3, "s3://", "BUCKET/KEY"},
    {Kind::kHub, "hf://", "OWNER/NAME/PATH"},
};

const Scheme* scheme_of(Kind kind) {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.kind == kind) return &scheme;
  }
  return nullptr;
}

Result<Location> parse_in_store(const Scheme& scheme, std::string_view rest) {
  const size_t slash = scheme.kind == Kind::kHub ? hf::end_of_repo(rest) : rest.find('/');
  const std::string bucket(rest.substr(0, slash));
  const std::string form = std::string(scheme.prefix) + scheme.form;
  if (bucket.empty()) {
    return make_error(Errc::kUsage, "no bucket in \"" + std::string(scheme.prefix) + "\"; write " + form);
  }
  if (scheme.kind == Kind::kHub) {
    if (auto repo = hf::Repo::parse(bucket); !repo) return repo.error();
  }
  return Location::in_store(scheme.kind, bucket,
                            slash == std::string_view::npos ? "" : std::string(rest.substr(slash + 1)));
}

bool looks_like_scheme(std::string_view text) {
  const size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 || end > 20) return false;
  return text.substr(0, end).find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+.-0123456789") == std::string_view::npos;
}

}  // namespace

Result<Location> Location::parse(std::string_view text) {
  if (text.empty()) {
    return make_error(Errc::kUsage, "a location is empty; give a path, sj://BUCKET/KEY, a URL or -");
  }
  if (text == "-") return Location{Kind::kStd, "", ""};
  for (const Scheme& scheme : kSchemes) {
    const std::string_view prefix = scheme.prefix;
    if (text.starts_with(prefix)) return parse_in_store(scheme, text.substr(prefix.size()));
  }
  if (http::is_url(text)) return Location{Kind::kUrl, "", std::string(text)};
  if (looks_like_scheme(text)) {
    const std::string scheme(text.substr(0, text.find("://") + 3));
    return make_error(Errc::kUsage, redacted(http::shown_url(text)) + ": " + scheme +
                                        " is not a scheme known here (sj, s3, hf, http, https); a file of "
                                        "that name is ./" +
                                        scheme + "...");
  }
  return local(std::string(text));
}

bool Location::directoryish() const {
  return !is_std() && !is_url() && (path.empty() || path.back() == '/');
}

Location Location::as_directoryish() const {
  if (directoryish() || is_std() || is_url()) return *this;
  Location out = *this;
  out.path += '/';
  return out;
}

std::string Location::base() const {
  if (is_url()) return http::url_file_name(path);
  std::string_view rest = path;
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  size_t slash = rest.rfind('/');
  return std::string(slash == std::string_view::npos ? rest : rest.substr(slash + 1));
}

std::string Location::parent() const {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string Location::bucket_text() const {
  const Scheme* scheme = scheme_of(kind);
  return (scheme == nullptr ? "" : scheme->prefix) + bucket;
}

std::string Location::text() const {
  if (is_std()) return "-";
  if (is_in_store()) return bucket_text() + "/" + path;
  return is_url() ? http::shown_url(path) : path;
}

std::optional<Location> parse_store(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (text == scheme.prefix) return Location::in_store(scheme.kind, "", "");
  }
  return std::nullopt;
}

Status check_bucket(const Location& at) {
  if (at.kind == Kind::kStorj) return storj::check_bucket_name(at.bucket);
  if (at.kind == Kind::kS3) return s3::check_bucket_name(at.bucket);
  return {};
}

Result<Location> parse_remote(std::string_view text) {
  auto location = Location::parse(text);
  if (!location) return location;
  if (!location->is_in_store()) {
    return make_error(Errc::kUsage, shown(text) + " is not remote; write sj://BUCKET or sj://BUCKET/KEY");
  }
  if (auto valid = check_bucket(*location); !valid) return valid.error();
  return location;
}

Result<Location> parse_bucket(std::string_view text) {
  auto location = parse_remote(text);
  if (!location) return location;
  if (!location->path.empty()) {
    return make_error(Errc::kUsage, location->text() + " names an object; write " + location->bucket_text());
  }
  return location;
}

}  // namespace sjcp::cli
