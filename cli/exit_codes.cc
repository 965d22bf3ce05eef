#include "cli/exit_codes.h"

namespace sjcp::cli {

int exit_code(Errc code) {
  switch (code) {
    case Errc::kUsage:
    case Errc::kUnsupported:
      return kExitUsage;
    case Errc::kNotFound:
      return kExitNotFound;
    case Errc::kDenied:
      return kExitDenied;
    case Errc::kNetwork:
    case Errc::kProtocol:
      return kExitNetwork;
    case Errc::kIntegrity:
      return kExitIntegrity;
    case Errc::kLocalIo:
      return kExitLocalIo;
    case Errc::kConflict:
      return kExitConflict;
    case Errc::kLimited:
      return kExitLimited;
    case Errc::kCancelled:
      return kExitInterrupted;
    case Errc::kInternal:
      return kExitOther;
  }
  return kExitOther;
}

}  // namespace sjcp::cli
