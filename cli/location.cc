#include "cli/location.h"

#include <algorithm>
#include <iterator>

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

// "s3:bucket" and "HTTPS:/host": meant for a scheme known here, and no name that anybody gives a file.
std::optional<std::string> right_spelling(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string name(text.substr(0, colon));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string prefix = name + "://";
  const auto is_known = [&](const Scheme& scheme) { return prefix == scheme.prefix; };
  const bool known = std::any_of(std::begin(kSchemes), std::end(kSchemes), is_known) || http::is_url(prefix);
  if (!known) return std::nullopt;
  text.remove_prefix(colon + 1);
  while (text.starts_with('/')) text.remove_prefix(1);
  return prefix.append(text.empty() ? "..." : text);
}

constexpr size_t kAccessKeySize = 28;

// https://HOST/s/ACCESS/BUCKET/KEY, as `uplink share --url` prints it, is a page about the object; the object
// is below /raw/.  Nothing: another URL.  kUsage: the page is about a folder.
Result<std::optional<std::string>> object_of_share_link(std::string_view url) {
  constexpr std::string_view kPage = "/s/";
  const size_t begin = url.find_first_of("/?#", url.find("://") + 3);
  if (begin == std::string_view::npos || !url.substr(begin).starts_with(kPage))
    return std::optional<std::string>();
  const std::string_view shared = url.substr(begin + kPage.size());
  const std::string_view place = shared.substr(0, shared.find_first_of("?#"));
  const size_t access_end = place.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567");
  if (access_end != kAccessKeySize || place[access_end] != '/') return std::optional<std::string>();
  const std::string_view object = place.substr(access_end + 1);
  const size_t slash = object.find('/');
  if (!storj::check_bucket_name(object.substr(0, slash))) return std::optional<std::string>();
  if (slash == std::string_view::npos || object.ends_with('/')) {
    return make_error(Errc::kUsage, std::string(url.substr(0, begin)) + "/s/.../" + redacted(object) +
                                        ": a link that shares a folder; name an object below it");
  }
  return std::optional(std::string(url.substr(0, begin)) + "/raw/" + std::string(shared));
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
  if (http::is_url(text)) {
    auto object = object_of_share_link(text);
    if (!object) return std::move(object).error();
    return Location{Kind::kUrl, "", object->value_or(std::string(text))};
  }
  if (const auto spelling = right_spelling(text)) {
    const std::string scheme(text.substr(0, text.find(':') + 1));
    return make_error(Errc::kUsage, scheme + ": write " + redacted(http::shown_url(*spelling)) + ", or ./" +
                                        scheme + "... for a file of that name");
  }
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
