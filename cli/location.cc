#include "cli/location.h"

#include "cli/redact.h"
#include "net/storj/project.h"

namespace sjcp::cli {

Result<Location> Location::parse(std::string_view text) {
  if (text.empty()) return make_error(Errc::kUsage, "a location is empty; give a path, sj://BUCKET/KEY or -");
  if (text == "-") return Location{Kind::kStd, "", ""};
  if (text.substr(0, 5) == "s3://") {
    return make_error(Errc::kUnsupported,
                      "s3:// locations are not supported; Storj objects are sj://BUCKET/KEY");
  }
  if (text.substr(0, 5) != "sj://") return local(std::string(text));
  text.remove_prefix(5);
  size_t slash = text.find('/');
  std::string bucket(text.substr(0, slash));
  if (bucket.empty()) return make_error(Errc::kUsage, "no bucket in \"sj://\"; write sj://BUCKET/KEY");
  return remote(std::move(bucket),
                slash == std::string_view::npos ? "" : std::string(text.substr(slash + 1)));
}

bool Location::directoryish() const {
  return !is_std() && (path.empty() || path.back() == '/');
}

Location Location::as_directoryish() const {
  if (directoryish() || is_std()) return *this;
  Location out = *this;
  out.path += '/';
  return out;
}

std::string Location::base() const {
  std::string_view rest = path;
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  size_t slash = rest.rfind('/');
  return std::string(slash == std::string_view::npos ? rest : rest.substr(slash + 1));
}

std::string Location::parent() const {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string Location::text() const {
  if (is_std()) return "-";
  if (is_remote()) return "sj://" + bucket + "/" + path;
  return path;
}

Result<Location> parse_remote(std::string_view text) {
  auto location = Location::parse(text);
  if (!location) return location;
  if (!location->is_remote()) {
    return make_error(Errc::kUsage, shown(text) + " is not remote; write sj://BUCKET or sj://BUCKET/KEY");
  }
  return location;
}

Result<std::string> parse_bucket(std::string_view text) {
  auto location = parse_remote(text);
  if (!location) return location.error();
  if (!location->path.empty()) {
    return make_error(Errc::kUsage, location->text() + " names an object; write sj://" + location->bucket);
  }
  auto valid = storj::check_bucket_name(location->bucket);
  if (!valid) return valid.error();
  return location->bucket;
}

}  // namespace sjcp::cli
