#include "cli/exit_codes.h"

#include <poll.h>

#include <cerrno>

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

bool is_reader_gone(const Error& error) {
  return error.code == Errc::kLocalIo && error.cause == EPIPE;
}

bool is_reader_gone(int fd) {
  pollfd pipe{fd, POLLOUT, 0};
  return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

}  // namespace sjcp::cli
