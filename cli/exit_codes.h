// What the process returns, by kind of error.  The numbers are part of the interface: man page, README,
// scripts.
#pragma once

#include "core/base/result.h"

namespace sjcp::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitOther = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitDenied = 4,
  kExitNetwork = 5,
  kExitIntegrity = 6,
  kExitLocalIo = 7,
  kExitSomeFailed = 8,  // a copy or removal of several files in which some failed
  kExitConflict = 9,
  kExitLimited = 10,
  kExitInterrupted = 130,  // by SIGINT; other signals: 128 and their number, 129 for SIGHUP, 143 for SIGTERM
  kExitReaderGone = 141,   // nobody reads standard output any more: as if by SIGPIPE, and as quiet
};

int exit_code(Errc code);

// The program that read what is written has ended.
bool is_reader_gone(const Error& error);
// Whether nobody reads the pipe any more that the descriptor writes to.
bool is_reader_gone(int fd);

}  // namespace sjcp::cli
