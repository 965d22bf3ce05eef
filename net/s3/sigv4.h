// Signatures of AWS, version 4, by headers and in URLs.
//
// What is signed is what is sent: a Target's path and query are escaped once, here, and the very same text
// goes into the URL.
//
// Threads: any.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/hash.h"
#include "net/http/client.h"

namespace sjcp::s3 {

struct Keys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none
};

// Names and values, plain.
using Query = std::vector<std::pair<std::string, std::string>>;

// A request as far as its signature goes.
struct Target {
  std::string method = "GET";
  std::string host;        // with the port, unless it is the scheme's own
  std::string path = "/";  // escaped
  std::string query;       // escaped and in order: query_text()
};

// Everything but letters, digits and "-._~" as %XX; `slashes`: and '/' too.
std::string escape(std::string_view text, bool slashes);
// A key below a path: "/" and the key with its slashes, no component of it left out or resolved.
std::string escape_path(std::string_view key);
// Escaped, in the order in which it is signed.
std::string query_text(const Query& query);

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
// Of a TrailingBody.
inline constexpr std::string_view kUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
// SHA-256 in hex, as the signature names a body.
std::string payload_hash(ByteView body);

// "20260102T030405Z"
std::string amz_date(std::chrono::system_clock::time_point time);

class Signer {
 public:
  using Time = std::chrono::system_clock::time_point;

  explicit Signer(std::string service = "s3") : service_(std::move(service)) {}

  // Adds x-amz-date, x-amz-content-sha256, the session token and the authorization.  All that is in `headers`
  // is signed; none may come twice.
  void sign(const Target& target, const Keys& keys, const std::string& region, std::string_view payload,
            Time time, std::vector<http::Header>& headers);

  // The query of a URL that anybody may use with this method from `time` on, for at most a week.
  std::string presigned_query(const Target& target, const Query& query, const Keys& keys,
                              const std::string& region, Time time, std::chrono::seconds expires);

 private:
  std::string signature(const std::string& canonical, const Keys& keys, const std::string& region,
                        std::string_view date);
  crypto::Sha256Digest signing_key(const Keys& keys, const std::string& region, std::string_view day);

  const std::string service_;
  std::mutex mutex_;
  // The keys of one day, by access key, region and day; what is derived from other days is dropped.
  std::map<std::string, crypto::Sha256Digest> derived_;
};

// The text whose digest is signed, and the names of the headers in it.
struct Canonical {
  std::string text;
  std::string signed_headers;
};
Canonical canonical_request(const Target& target, const std::vector<http::Header>& headers,
                            std::string_view payload);

}  // namespace sjcp::s3
