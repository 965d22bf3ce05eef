// Bytes per second over a sliding window.
#pragma once

#include <cstdint>
#include <deque>

#include "core/base/clock.h"

namespace sjcp::cli {

class RateMeter {
 public:
  explicit RateMeter(std::chrono::nanoseconds window = std::chrono::seconds(5)) : window_(window) {}

  // `bytes` is a running total.  Times must not go back.
  void add(Clock::Steady now, uint64_t bytes);
  // 0 before two samples at different times.
  double bytes_per_second() const;

 private:
  struct Sample {
    Clock::Steady time;
    uint64_t bytes;
  };
  const std::chrono::nanoseconds window_;
  std::deque<Sample> samples_;
};

}  // namespace sjcp::cli
