// Time and rates of the emulation.
#pragma once

#include <chrono>
#include <cstdint>

namespace sjcp::wan {

// Since an origin that the caller chooses; the model never asks a clock.
using Time = std::chrono::nanoseconds;

// How long `bytes` occupy a line.  0 bits per second: no time at all.
inline Time transmission(uint64_t bytes, uint64_t bits_per_second) {
  if (bits_per_second == 0) return Time(0);
  return Time(static_cast<int64_t>(bytes * 8'000'000'000 / bits_per_second));
}

}  // namespace sjcp::wan
