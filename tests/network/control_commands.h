// The control protocol: one JSON object in, one out (README.md lists the operations).
//
// Threads: any.
#pragma once

#include <string>

#include "tests/network/network.h"

namespace sjcp::network {

struct ControlReply {
  std::string line;   // JSON, without a line end: {"ok":true,...} or {"ok":false,"error":"..."}
  bool stop = false;  // the program is to end
};

ControlReply run_control_command(Network& network, const std::string& line);

// The line that is printed when the network is ready.
std::string ready_line(const Network& network, const std::string& control_socket);

}  // namespace sjcp::network
