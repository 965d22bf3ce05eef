// Everything a run touches outside the process, so that tests can run the program inside theirs.
//
// Ownership: the caller of run() owns all of it and keeps it until run() returns.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cli/machine.h"
#include "cli/printer.h"
#include "core/access/grant.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "net/storj/project.h"

namespace sjcp::cli {

struct Io {
  Printer out;     // listings and results
  Printer err;     // errors, logs, progress
  int in_fd = 0;   // bytes of `cp - ...`
  int out_fd = 1;  // bytes of `cp ... -`
  bool err_is_terminal = false;
  std::function<unsigned()> err_columns = [] { return 80U; };  // width of the terminal, asked at every redraw
  std::function<std::optional<std::string>(const std::string& name)> env;
  std::function<Result<std::unique_ptr<storj::Project>>(const access::Grant&, const storj::ProjectOptions&)>
      open_project;
  std::stop_token stop;  // requested by signals
  // The exit code after that: it says which signal it was.
  std::function<int()> interrupted_exit = [] { return 130; };
  const Clock* clock = &system_clock();
  Machine machine;
};

}  // namespace sjcp::cli
