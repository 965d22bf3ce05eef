#include "net/s3/settings.h"

#include <algorithm>
#include <array>

#include "net/http/url.h"
#include "net/s3/sigv4.h"

namespace sjcp::s3 {
namespace {

bool is_true(const std::optional<std::string>& value) {
  return value && (*value == "true" || *value == "True" || *value == "TRUE" || *value == "1");
}

// The first that is set.
template <class... Rest>
std::optional<std::string> first_of(std::optional<std::string> value, Rest... rest) {
  if (value && !value->empty()) return value;
  if constexpr (sizeof...(rest) > 0) return first_of(std::move(rest)...);
  return std::nullopt;
}

// A service as its own variable and its section name it: {"S3", "s3"}.
struct ServiceName {
  const char* variable;
  const char* section;
};
constexpr ServiceName kS3{"S3", "s3"};
constexpr ServiceName kSts{"STS", "sts"};
constexpr ServiceName kSso{"SSO", "sso"};

std::optional<std::string> configured_endpoint(const ServiceName& service, const Environment& env,
                                               const Profiles& profiles, const Section* profile) {
  if (is_true(env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))) return std::nullopt;
  if (is_true(value_of(profile, "ignore_configured_endpoint_urls"))) return std::nullopt;
  const std::string key = std::string(service.section) + ".endpoint_url";
  std::optional<std::string> in_services;
  if (auto name = value_of(profile, "services")) in_services = value_of(profiles.services(*name), key);
  return first_of(env(std::string("AWS_ENDPOINT_URL_") + service.variable), env("AWS_ENDPOINT_URL"),
                  in_services, value_of(profile, key), value_of(profile, "endpoint_url"));
}

std::optional<std::string> profile_name(const std::string& wished, const Environment& env) {
  return first_of(wished, env("AWS_PROFILE"), env("AWS_DEFAULT_PROFILE"));
}

// When checksums are made or asked for: always, where the service may know them, or only where it must be.
bool when_supported(const std::optional<std::string>& when) {
  return !when || (*when != "when_required" && *when != "WHEN_REQUIRED");
}

// As AWS's tools write it, "64MB" for 64 MiB, within what services allow; anything else leaves it as it is.
void read_size(std::optional<std::string> text, uint64_t least, uint64_t& size) {
  constexpr uint64_t kMost = 5 * kGiB;
  if (!text) return;
  if (text->ends_with('B') && !text->ends_with("iB")) text->pop_back();
  if (const auto bytes = parse_size(*text)) size = std::clamp(*bytes, least, kMost);
}

Result<std::string> checked_endpoint(std::string url) {
  const size_t scheme_end = url.find("://");
  const auto bad = [&](const char* why) {
    return make_error(Errc::kUsage, "endpoint " + http::shown_url(url) + ": " + why);
  };
  if (!http::is_url(url)) return bad("must begin with https:// or http://");
  const size_t host = scheme_end + 3;
  if (url.find_first_of("?#@ ", host) != std::string::npos) return bad("a host, a port and a path, no more");
  while (url.ends_with('/') && url.size() > host) url.pop_back();
  std::string scheme = url.substr(0, scheme_end);
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string rest = url.substr(host);
  if (rest.empty() || rest.front() == '/') return bad("has no host");
  // The port that every client leaves out of Host must be left out of the signature too.
  const std::string own_port = scheme == "https" ? ":443" : ":80";
  const size_t path = std::min(rest.find('/'), rest.size());
  if (std::string_view(rest).substr(0, path).ends_with(own_port)) {
    rest.erase(path - own_port.size(), own_port.size());
  }
  return scheme + "://" + rest;
}

std::optional<Addressing> addressing_named(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (*name == "path") return Addressing::kPath;
  if (*name == "virtual") return Addressing::kVirtual;
  return Addressing::kAuto;
}

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// A TLS certificate for *.HOST covers one label, and host names know no capitals.
bool fits_host(std::string_view bucket) {
  return !bucket.empty() && lower_or_digit(bucket.front()) && lower_or_digit(bucket.back()) &&
         std::all_of(bucket.begin(), bucket.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || host.starts_with("localhost") ||
         host.find_first_not_of("0123456789.:") == std::string_view::npos;
}

Place custom_place(const Settings& settings, const std::string& bucket) {
  Place place;
  const size_t scheme_end = settings.endpoint.find("://");
  place.scheme = settings.endpoint.substr(0, scheme_end);
  const std::string rest = settings.endpoint.substr(scheme_end + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  place.host = rest.substr(0, slash);
  place.path = rest.substr(slash);
  if (bucket.empty()) return place;
  if (settings.addressing == Addressing::kVirtual && fits_host(bucket) && !is_address(place.host)) {
    place.host = bucket + "." + place.host;
  } else {
    place.path += "/" + escape(bucket, true);
  }
  return place;
}

}  // namespace

Result<Settings> Settings::find(const Wishes& wishes, const Environment& env, const Profiles& profiles) {
  Settings out;
  const auto named = profile_name(wishes.profile, env);
  out.profile = named.value_or("default");
  out.profile_asked = !wishes.profile.empty();
  const Section* profile = profiles.profile(out.profile);
  if (named && profile == nullptr && out.profile != "default") {
    return make_error(Errc::kUsage,
                      "profile " + out.profile +
                          ": in neither ~/.aws/config nor ~/.aws/credentials (nor the files that "
                          "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name)");
  }
  out.region =
      first_of(wishes.region, env("AWS_REGION"), env("AWS_DEFAULT_REGION"), value_of(profile, "region"))
          .value_or("us-east-1");
  if (auto url = first_of(wishes.endpoint, configured_endpoint(kS3, env, profiles, profile))) {
    auto checked = checked_endpoint(*std::move(url));
    if (!checked) return std::move(checked).error();
    out.endpoint = *std::move(checked);
  }
  // What is wrong with these matters only to those who need them.
  const auto beside = [&](const ServiceName& service) {
    auto url = configured_endpoint(service, env, profiles, profile);
    auto checked = url ? checked_endpoint(*url) : Result<std::string>(std::string());
    return checked ? *std::move(checked) : *url;
  };
  out.sts_endpoint = beside(kSts);
  out.sso_endpoint = beside(kSso);
  out.addressing =
      wishes.addressing
          ? *wishes.addressing
          : addressing_named(value_of(profile, "s3.addressing_style")).value_or(Addressing::kAuto);
  out.accelerate = wishes.accelerate || is_true(value_of(profile, "s3.use_accelerate_endpoint"));
  out.dualstack =
      wishes.dualstack || is_true(value_of(profile, "s3.use_dualstack_endpoint")) ||
      is_true(first_of(env("AWS_USE_DUALSTACK_ENDPOINT"), value_of(profile, "use_dualstack_endpoint")));
  out.fips = is_true(first_of(env("AWS_USE_FIPS_ENDPOINT"), value_of(profile, "use_fips_endpoint")));
  out.checksums = when_supported(first_of(env("AWS_REQUEST_CHECKSUM_CALCULATION"),
                                          value_of(profile, "request_checksum_calculation"))) &&
                  !out.storj_gateway();
  out.read_checksums = when_supported(first_of(env("AWS_RESPONSE_CHECKSUM_VALIDATION"),
                                               value_of(profile, "response_checksum_validation"))) &&
                       !out.storj_gateway();
  constexpr uint64_t kLeastPart = 5 * kMiB;
  read_size(value_of(profile, "s3.multipart_threshold"), 1, out.copy_threshold);
  read_size(value_of(profile, "s3.multipart_chunksize"), kLeastPart, out.copy_part);
  out.sign_payload = is_true(value_of(profile, "s3.payload_signing_enabled"));
  return out;
}

bool Settings::storj_gateway() const {
  const size_t begin = endpoint.find("://");
  if (begin == std::string::npos) return false;
  std::string host = endpoint.substr(begin + 3);
  host.resize(std::min(host.find_first_of(":/"), host.size()));
  return host.starts_with("gateway.") && (host.ends_with("storjshare.io") || host.ends_with("storj.io"));
}

std::string_view amazon_domain(std::string_view region) {
  struct Partition {
    std::string_view regions;  // begin so
    std::string_view domain;
  };
  static constexpr std::array kPartitions{
      Partition{"cn-", ".amazonaws.com.cn"}, Partition{"eusc-", ".amazonaws.eu"},
      Partition{"us-iso-", ".c2s.ic.gov"}, Partition{"us-isob-", ".sc2s.sgov.gov"}};
  const auto* found = std::find_if(kPartitions.begin(), kPartitions.end(),
                                   [&](const Partition& p) { return region.starts_with(p.regions); });
  return found == kPartitions.end() ? ".amazonaws.com" : found->domain;
}

CaBundle ca_bundle(const std::string& profile, const Environment& env, const Profiles& profiles) {
  const std::string name = profile_name(profile, env).value_or("default");
  if (auto file = first_of(env("AWS_CA_BUNDLE"))) return {"AWS_CA_BUNDLE", *file};
  if (auto file = value_of(profiles.profile(name), "ca_bundle"))
    return {"ca_bundle of profile " + name, *file};
  if (auto file = first_of(env("REQUESTS_CA_BUNDLE"))) return {"REQUESTS_CA_BUNDLE", *file};
  return {};
}

Place place_of(const Settings& settings, const std::string& bucket, const std::string& region,
               bool whole_bucket) {
  if (!settings.endpoint.empty()) return custom_place(settings, bucket);
  Place place;
  place.scheme = "https";
  const bool host_style = !bucket.empty() && settings.addressing != Addressing::kPath && fits_host(bucket);
  const std::string domain(amazon_domain(region));
  if (settings.accelerate && host_style && !whole_bucket) {
    place.host = bucket + (settings.dualstack ? ".s3-accelerate.dualstack" : ".s3-accelerate") + domain;
    return place;
  }
  place.host = std::string(settings.fips ? "s3-fips" : "s3") + (settings.dualstack ? ".dualstack." : ".") +
               region + domain;
  if (host_style) {
    place.host = bucket + "." + place.host;
  } else if (!bucket.empty()) {
    place.path = "/" + escape(bucket, true);
  }
  return place;
}

Status check_bucket_name(std::string_view bucket) {
  const auto bad = [&](const char* why) {
    return make_error(Errc::kUsage, "bucket name \"" + std::string(bucket.substr(0, 80)) + "\" " + why);
  };
  if (bucket.size() < 3 || bucket.size() > 63) return bad("must have 3 to 63 characters");
  const bool known = std::all_of(bucket.begin(), bucket.end(), [](char c) {
    return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
  });
  if (!known) return bad("may have letters, digits, hyphens, dots and underscores only");
  if (bucket.front() == '.' || bucket.front() == '-' || bucket.find("..") != std::string_view::npos) {
    return bad("must begin with a letter or a digit, and have no two dots together");
  }
  return {};
}

}  // namespace sjcp::s3
