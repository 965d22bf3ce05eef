// Changes while the wide area runs: a Unix socket that takes lines of JSON.
//
//   {"paths":"10.66.1.0/24","set":{"rtt_ms":300}}    {"line":{"down":{"mbit":50}}}    {"stats":true}
//
// Each is answered by one line: {"ok":true}, {"ok":false,"error":TEXT}, or the figures as --stats has them.
//
// Ownership: the emulator must outlive it.  Threads: that of the emulator.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/wan/emulator.h"

namespace sjcp::wan {

class Control {
 public:
  // Replaces a socket that an earlier run left.  kLocalIo, kUsage (path too long).
  static Result<std::unique_ptr<Control>> open(Emulator& emulator, const std::string& path);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

 private:
  Control(Emulator& emulator, std::string path, local::Descriptor listener);
  void accept();
  void read(int fd);
  std::string answer(const std::string& line);

  struct Client {
    local::Descriptor socket;
    std::string received;
  };

  Emulator& emulator_;
  const std::string path_;
  local::Descriptor listener_;
  std::map<int, Client> clients_;
};

// Sends one line to such a socket; the answer.
Result<std::string> ask_control(const std::string& path, const std::string& line);

}  // namespace sjcp::wan
