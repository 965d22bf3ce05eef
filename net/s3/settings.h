// Where requests go: region, endpoint, and how a bucket is named in a URL.
//
// Threads: any; nothing here asks a server.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/units.h"
#include "net/s3/profiles.h"

namespace sjcp::s3 {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

enum class Addressing : uint8_t {
  kAuto,     // as host where that works, as path at endpoints other than Amazon's
  kPath,     // https://HOST/BUCKET/KEY
  kVirtual,  // https://BUCKET.HOST/KEY
};

// What a person asks for; empty and false: what environment and profile say.
struct Wishes {
  std::string profile;
  std::string region;
  std::string endpoint;  // a URL
  std::optional<Addressing> addressing;
  bool accelerate = false;
  bool dualstack = false;
};

struct Settings {
  std::string profile = "default";
  bool profile_asked = false;  // by option: keys in the environment do not count then
  std::string region = "us-east-1";
  std::string endpoint;  // scheme, host, port, path without a slash at the end; empty: Amazon's
  Addressing addressing = Addressing::kAuto;
  bool accelerate = false;
  bool dualstack = false;
  bool fips = false;
  bool checksums = true;       // are sent
  bool read_checksums = true;  // are asked for, and verified
  bool sign_payload = false;   // data too, beside the checksum that goes with it
  // Within the service an object above the first is copied in parts of the second; bytes.  What the service
  // allows in one request is the most.
  uint64_t copy_threshold = 5 * kGiB;
  uint64_t copy_part = 512 * kMiB;

  // The files may be missing.  kUsage: a profile asked for by name that is in neither, a malformed endpoint.
  static Result<Settings> find(const Wishes& wishes, const Environment& env, const Profiles& profiles);

  // Of services beside S3, which keys come from (STS, SSO); empty: Amazon's.
  std::string sts_endpoint;
  std::string sso_endpoint;

  // Storj's own S3 service, or one that calls itself so.
  bool storj_gateway() const;
};

// ".amazonaws.com" or what it is where the region is.
std::string_view amazon_domain(std::string_view region);

// The file with the certificates of authorities to be trusted, as AWS's tools find it: AWS_CA_BUNDLE, the
// profile's ca_bundle, REQUESTS_CA_BUNDLE.
struct CaBundle {
  std::string origin;  // "AWS_CA_BUNDLE"
  std::string file;    // empty: the system's
};
// profile: as Wishes has it.
CaBundle ca_bundle(const std::string& profile, const Environment& env, const Profiles& profiles);

// Where one request goes.
struct Place {
  std::string scheme;  // "https"
  std::string host;    // with the port, unless it is the scheme's own
  std::string path;    // escaped, before "/KEY": "" or "/BUCKET"
  bool secure() const { return scheme == "https"; }
};

// bucket empty: the list of buckets.  whole_bucket: the bucket is made, listed or deleted, which accelerated
// endpoints do not do.
Place place_of(const Settings& settings, const std::string& bucket, const std::string& region,
               bool whole_bucket);

// Names that every service takes: 3 to 63 letters, digits, '-', '.', '_'.  kUsage with the reason.
Status check_bucket_name(std::string_view bucket);

}  // namespace sjcp::s3
