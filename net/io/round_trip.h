// How long bytes take to the other end of a TCP connection and back, as the kernel has measured it.
#pragma once

#include <chrono>
#include <optional>

namespace sjcp::io {

struct RoundTrip {
  std::chrono::microseconds now{0};    // smoothed
  std::chrono::microseconds least{0};  // the shortest lately: what is beyond it is time in queues
};

// nullopt: nothing was measured yet, or the system does not tell.
std::optional<RoundTrip> round_trip(int fd);

}  // namespace sjcp::io
