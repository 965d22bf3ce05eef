// What the kernel knows of a TCP connection: is it slow, dead, or behind a queue.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sjcp::io {

// Round trips of 0 are not known yet.
struct TcpState {
  std::chrono::nanoseconds least{0};     // shortest round trip of what was sent, within some minutes
  std::chrono::nanoseconds smoothed{0};  // of what was sent: what is beyond the least is time in queues
  std::chrono::nanoseconds received{0};  // of what was received, over the last few round trips
  // Bytes in all that the peer is known to have received.  A socket takes megabytes at once and needs minutes
  // for them on a slow line: only this tells a slow connection from a dead one.
  uint64_t acknowledged = 0;
};

// Empty: no TCP connection, or the system does not say.
std::optional<TcpState> tcp_state(int fd);

}  // namespace sjcp::io
