#include "net/s3/error.h"

#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "net/http/status.h"

namespace sjcp::s3 {
namespace {

struct Meaning {
  std::string_view code;
  Errc errc;
  const char* text;  // null: the service's own message
};

constexpr std::array kMeanings{
    Meaning{"NoSuchBucket", Errc::kNotFound, "bucket not found"},
    Meaning{"NoSuchKey", Errc::kNotFound, "object not found"},
    Meaning{"NoSuchVersion", Errc::kNotFound, "object not found in this version"},
    Meaning{"NoSuchUpload", Errc::kNotFound, "the upload in progress is not there any more"},
    Meaning{"AccessDenied", Errc::kDenied, "these credentials do not allow it"},
    Meaning{"AllAccessDisabled", Errc::kDenied, "the bucket is disabled"},
    Meaning{"InvalidAccessKeyId", Errc::kDenied, "the service does not know this access key"},
    Meaning{"XAdminUserNotFound", Errc::kDenied, "the service does not know this access key"},
    Meaning{"SignatureDoesNotMatch", Errc::kDenied, "the secret does not belong to this access key"},
    Meaning{"ExpiredToken", Errc::kDenied, "the credentials have expired"},
    Meaning{"InvalidToken", Errc::kDenied, "the session token is not valid"},
    Meaning{"RequestTimeTooSkewed", Errc::kDenied, "this machine's clock is wrong; set it"},
    Meaning{"InvalidObjectState", Errc::kUnsupported, "the object is archived; have it restored first"},
    Meaning{"BucketAlreadyExists", Errc::kConflict, "somebody has a bucket of this name already"},
    Meaning{"BucketAlreadyOwnedByYou", Errc::kConflict, "the bucket exists already"},
    Meaning{"BucketNotEmpty", Errc::kConflict,
            "the bucket is not empty; use --force to delete what is in it"},
    Meaning{"PreconditionFailed", Errc::kConflict, "exists already, or has changed meanwhile"},
    Meaning{"ConditionalRequestConflict", Errc::kConflict, "somebody else changes it at the same time"},
    Meaning{"OperationAborted", Errc::kConflict, "somebody else changes it at the same time"},
    Meaning{"InvalidBucketState", Errc::kConflict, nullptr},
    Meaning{"SlowDown", Errc::kLimited, "the service asks for fewer requests"},
    Meaning{"ServiceUnavailable", Errc::kNetwork, "the service is not available now"},
    Meaning{"TooManyRequests", Errc::kLimited, "the service asks for fewer requests"},
    Meaning{"QuotaExceeded", Errc::kLimited, "the quota is used up"},
    Meaning{"TooManyBuckets", Errc::kLimited, "no more buckets are allowed"},
    Meaning{"InternalError", Errc::kNetwork, "the service failed"},
    Meaning{"RequestTimeout", Errc::kNetwork, "the service waited too long for data"},
    Meaning{"IncompleteBody", Errc::kNetwork, "not all data arrived"},
    Meaning{"BadDigest", Errc::kIntegrity, "the data did not arrive as it was sent"},
    Meaning{"XAmzContentSHA256Mismatch", Errc::kIntegrity, "the data did not arrive as it was sent"},
    Meaning{"InvalidRange", Errc::kUsage, "the range is outside the object"},
    Meaning{"NotImplemented", Errc::kUnsupported, "the service does not offer this"},
    Meaning{"MethodNotAllowed", Errc::kUnsupported, "the service does not allow this here"},
    Meaning{"TemporaryRedirect", Errc::kUsage, "the service sends requests for it elsewhere"},
    Meaning{"PermanentRedirect", Errc::kUsage, "the bucket is in another region; name it with --region"},
    Meaning{"AuthorizationHeaderMalformed", Errc::kUsage, nullptr},
};

// Of replies without a body.
std::string_view code_of(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 307:
      return "TemporaryRedirect";
    case 401:
    case 403:
      return "AccessDenied";
    case 404:
      return "NoSuchKey";
    case 405:
      return "MethodNotAllowed";
    case 409:
      return "OperationAborted";
    case 412:
      return "PreconditionFailed";
    case 416:
      return "InvalidRange";
    case 429:
      return "TooManyRequests";
    case 501:
      return "NotImplemented";
    case 503:
      return "ServiceUnavailable";
    default:
      return status >= 500 ? "InternalError" : "";
  }
}

// Of a status of success with an <Error> below it: the service has begun to answer before it failed.
bool failed_late(int status) {
  return status >= 200 && status < 300;
}

Errc errc_of(int status) {
  if (failed_late(status)) return Errc::kNetwork;
  if (status == 501) return Errc::kUnsupported;
  if (status >= 500) return Errc::kNetwork;
  if (status == 401 || status == 403) return Errc::kDenied;
  if (status == 404) return Errc::kNotFound;
  if (status == 409 || status == 412) return Errc::kConflict;
  if (status == 429) return Errc::kLimited;
  return status >= 400 ? Errc::kUsage : Errc::kProtocol;
}

const Meaning* meaning_of(std::string_view code) {
  const auto* found =
      std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& m) { return m.code == code; });
  return found == kMeanings.end() ? nullptr : found;
}

Fault fault_of(const ServiceError& error) {
  const auto is = [&](std::initializer_list<std::string_view> codes) {
    return std::find(codes.begin(), codes.end(), error.code) != codes.end();
  };
  if (is({"SlowDown", "TooManyRequests", "Throttling", "ThrottlingException", "RequestLimitExceeded"}))
    return Fault::kBusy;
  const Fault by_status = http::status_fault(error.status);
  if (by_status == Fault::kUnavailable || by_status == Fault::kBusy) return by_status;
  // Others were at work on the same, and will be done.
  if (is({"ServiceUnavailable", "OperationAborted", "ConditionalRequestConflict"}))
    return Fault::kUnavailable;
  if (is({"RequestTimeout", "IncompleteBody"})) return Fault::kBroken;
  if (failed_late(error.status) && meaning_of(error.code) == nullptr) return Fault::kServerError;
  if (is({"InternalError", "BadDigest", "XAmzContentSHA256Mismatch"})) return Fault::kServerError;
  return by_status;
}

}  // namespace

std::string one_line(std::string text) {
  constexpr size_t kLongest = 300;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  if (text.size() > kLongest) text.resize(kLongest);
  return text;
}

ServiceError parse_error(std::string_view body) {
  ServiceError out;
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size(), pugi::parse_minimal | pugi::parse_escapes)) return out;
  pugi::xml_node error = document.child("Error");
  if (!error) error = document.child("ErrorResponse").child("Error");
  out.code = one_line(error.child_value("Code"));
  out.message = one_line(error.child_value("Message"));
  out.region = one_line(error.child_value("Region"));
  out.request_id = one_line(error.child_value("RequestId"));
  out.endpoint = one_line(error.child_value("Endpoint"));
  return out;
}

ServiceError error_of(const http::Head& head, std::string_view body) {
  ServiceError out = parse_error(body);
  out.status = head.status;
  if (out.code.empty()) out.code = code_of(head.status);
  if (auto region = head.header("x-amz-bucket-region")) out.region = *region;
  const auto location = head.header("Location");
  if (out.endpoint.empty() && location && head.status >= 300 && head.status < 400) {
    const auto url = http::Url::parse(*location);
    if (url) out.endpoint = one_line(url->shown_origin());
  }
  if (auto id = head.header("x-amz-request-id")) out.request_id = one_line(*id);
  return out;
}

std::string region_in(std::string_view host) {
  const size_t end = host.find(".amazonaws.com");
  if (end == std::string_view::npos) return "";
  host = host.substr(0, end);
  std::string_view label = host.substr(host.find_last_of("./") + 1);  // or all of it
  if (label.starts_with("s3-")) label.remove_prefix(3);
  // Regions end in a number: "accelerate", "dualstack" and buckets before ".s3" do not.
  const bool region =
      label.size() > 2 && label[label.size() - 2] == '-' && label.back() >= '0' && label.back() <= '9';
  return region ? std::string(label) : "";
}

Error to_error(const ServiceError& error, const std::string& url, bool has_key) {
  return with_context(to_error(error, has_key), url);
}

Error to_error(const ServiceError& error, bool has_key) {
  const Meaning* meaning = meaning_of(error.code);
  const bool known = meaning != nullptr;
  Errc code = known ? meaning->errc : errc_of(error.status);
  std::string text = known && meaning->text != nullptr ? meaning->text : one_line(error.message);
  // Without a body a missing bucket and a missing object look alike.
  if (error.code == "NoSuchKey" && !has_key) text = "bucket not found";
  // Keys go nowhere but where they were meant to go.
  const bool elsewhere = error.code == "PermanentRedirect" || error.code == "TemporaryRedirect";
  if (elsewhere && !error.endpoint.empty()) {
    text = "the service sends requests for it to " + one_line(error.endpoint) +
           "; name that with --endpoint-url";
  }
  if (text.empty()) text = "status " + std::to_string(error.status);
  if (!known || code == Errc::kDenied || code == Errc::kNetwork || code == Errc::kLimited) {
    if (!error.code.empty()) text += " (" + one_line(error.code);
    if (!error.code.empty() && !error.request_id.empty()) text += ", request " + error.request_id;
    if (!error.code.empty()) text += ")";
  }
  return make_error(code, text, error.status, fault_of(error));
}

Remedy remedy_for(const ServiceError& error) {
  const auto is = [&](std::initializer_list<std::string_view> codes) {
    return std::find(codes.begin(), codes.end(), error.code) != codes.end();
  };
  if (is({"RequestTimeTooSkewed"})) return Remedy::kOtherClock;
  if (is({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException"})) {
    return Remedy::kOtherKeys;
  }
  if (is({"PermanentRedirect", "TemporaryRedirect", "Redirect", "IllegalLocationConstraintException",
          "AuthorizationHeaderMalformed"}) ||
      error.status == 301 || error.status == 307) {
    return Remedy::kOtherPlace;
  }
  // A HEAD in the wrong region says no more than this.
  if (error.status == 400 && (!error.region.empty() || error.code.empty())) return Remedy::kOtherPlace;
  return Remedy::kNone;
}

}  // namespace sjcp::s3
