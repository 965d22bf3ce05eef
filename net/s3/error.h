// What an S3 service answers when it does not do what it was asked.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::s3 {

struct ServiceError {
  int status = 0;
  std::string code;  // "NoSuchKey"; from the status when there is no body
  std::string message;
  std::string region;  // that the request should have gone to; empty: not told
  std::string request_id;
  std::string endpoint;  // that the request should have gone to: a host; empty: not told
};

// From the XML of a body; nothing in it: code is empty.  Also of STS.
ServiceError parse_error(std::string_view body);
// Of a reply with a status that means failure, or one whose body does.
ServiceError error_of(const http::Head& head, std::string_view body);

// The region in the name of a host of Amazon's S3, "bucket.s3.eu-west-1.amazonaws.com"; empty: there is none.
std::string region_in(std::string_view host);

// "<url>: <what it means and what to do>"; cause is the status.  has_key: an object was asked for, not a
// bucket.
Error to_error(const ServiceError& error, const std::string& url, bool has_key);
// Without the URL.
Error to_error(const ServiceError& error, bool has_key);

// What a service says, for a text of ours: without control characters, and not long.
std::string one_line(std::string text);

// What may help, beside asking again as the error's fault allows.
enum class Remedy : uint8_t {
  kNone,
  kOtherClock,  // the service's date is in the reply
  kOtherKeys,   // these have expired
  kOtherPlace,  // the bucket lives in another region
};
Remedy remedy_for(const ServiceError& error);

}  // namespace sjcp::s3
