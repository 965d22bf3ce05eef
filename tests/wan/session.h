// One use of the emulator: services on the far side, one command on the near side, and the figures at the
// end.
//
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/wan/commands.h"
#include "tests/wan/control.h"
#include "tests/wan/emulator.h"

namespace sjcp::wan {

struct SessionOptions {
  std::string profile;
  std::vector<std::string> far;  // shell commands; each is ready when it prints a line
  std::vector<std::string> near_command;
  std::string stats_file;  // empty: none
  std::string control;     // path of a socket; empty: none
  EmulatorOptions emulator;
};

class Session {
 public:
  // The exit code of the near command, or 128 + number of the signal that ended this before it began.
  static Result<int> run(const SessionOptions& options);

 private:
  struct Service {
    Group group;
    std::string output;  // its first line, and what followed before that was noticed
    bool ready = false;
  };

  Session(const SessionOptions& options, std::unique_ptr<Emulator> emulator, Guardian guardian);
  Status start_services();
  Status start_service(const std::string& command);
  void read_output(Service& service);
  void service_ended(Service& service);
  Status start_near();
  void handle_signal();
  Status write_stats() const;

  const SessionOptions options_;
  const std::unique_ptr<Emulator> emulator_;
  const Guardian guardian_;
  local::Descriptor signals_;
  std::unique_ptr<Control> control_;
  std::vector<std::unique_ptr<Service>> services_;
  std::unique_ptr<Group> near_;
  size_t ready_ = 0;
  int exit_code_ = 0;
  Status failure_;
};

}  // namespace sjcp::wan
