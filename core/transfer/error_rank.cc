#include "core/transfer/error_rank.h"

#include <utility>

namespace sjcp::transfer {

int error_rank(Errc code) {
  switch (code) {
    case Errc::kIntegrity:
      return 11;  // somebody sent wrong bytes
    case Errc::kInternal:
      return 10;  // a bug must not hide behind its consequences
    case Errc::kDenied:
      return 9;  // the grant has to change
    case Errc::kNotFound:
      return 8;  // the request has to change
    case Errc::kLimited:
      return 7;  // the account has to change, or time has to pass
    case Errc::kLocalIo:
      return 6;  // the machine has to change
    case Errc::kConflict:
      return 5;
    case Errc::kUsage:
      return 4;
    case Errc::kUnsupported:
      return 3;
    case Errc::kProtocol:
      return 2;
    case Errc::kNetwork:
      return 1;  // trying again may be all it takes
    case Errc::kCancelled:
      return 0;
  }
  return 0;
}

void WorstError::add(Error error) {
  if (!error_ || error_rank(error.code) > error_rank(error_->code)) error_ = std::move(error);
}

}  // namespace sjcp::transfer
