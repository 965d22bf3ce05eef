// The whole program behind one function, so that tests run it in their own process.
#pragma once

#include <span>
#include <string>

#include "cli/io.h"

namespace sjcp::cli {

// args: without the program's name.  Returns the exit code of exit_codes.h.  One run at a time per process,
// since it owns the process's log.
int run(std::span<const std::string> args, const Io& io);

}  // namespace sjcp::cli
