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
  kExitInterrupted = 130,
};

int exit_code(Errc code);

}  // namespace sjcp::cli
