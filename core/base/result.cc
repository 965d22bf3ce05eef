#include "core/base/result.h"

#include <cstring>

namespace sjcp {

const char* to_string(Errc code) {
  switch (code) {
    case Errc::kUsage:
      return "usage";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kDenied:
      return "denied";
    case Errc::kNetwork:
      return "network";
    case Errc::kProtocol:
      return "protocol";
    case Errc::kIntegrity:
      return "integrity";
    case Errc::kLocalIo:
      return "local_io";
    case Errc::kConflict:
      return "conflict";
    case Errc::kLimited:
      return "limited";
    case Errc::kCancelled:
      return "cancelled";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kInternal:
      return "internal";
  }
  return "internal";
}

const char* to_string(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kUnreached:
      return "unreached";
    case Fault::kBroken:
      return "broken";
    case Fault::kSilent:
      return "silent";
    case Fault::kUnavailable:
      return "unavailable";
    case Fault::kBusy:
      return "busy";
    case Fault::kServerError:
      return "server_error";
  }
  return "none";
}

Error with_context(Error error, const std::string& object) {
  error.what = object + ": " + error.what;
  return error;
}

Error errno_error(const std::string& object, int err) {
  // strerror_r in its GNU form returns the text; the buffer is only used for unknown numbers.
  char buffer[64];
  return make_error(Errc::kLocalIo, object + ": " + strerror_r(err, buffer, sizeof buffer), err);
}

}  // namespace sjcp
