// Paces bytes to a rate that may change at any time.
//
// A bucket fills at the rate and holds what 50 ms bring, so nothing ever comes in a burst longer than that;
// it is empty at the start.  allow() takes from it and never waits: a loop that gets nothing stops reading
// (or writing) until next().
//
// Threads: any.  Units: bytes, bytes per second; times come from the caller and should not go back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/base/clock.h"

namespace sjcp::transfer {

class Throttle {
 public:
  static constexpr uint64_t kNoLimit = 0;

  explicit Throttle(uint64_t bytes_per_second = kNoLimit) : rate_(clamped(bytes_per_second)) {}

  // Holds from now on; what the bucket held above its new size is lost.
  void set_rate(uint64_t bytes_per_second, Clock::Steady now);
  uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }

  // How many of `want` bytes may move now; they count as moved.  0: too few to be worth a system call.
  size_t allow(size_t want, Clock::Steady now);
  // Of the bytes allowed, so many did not move.
  void give_back(size_t bytes);
  // The first moment when allow() of any size gives something, if nobody else asks before; `now` at the
  // earliest.
  Clock::Steady next(Clock::Steady now) const;

 private:
  static uint64_t clamped(uint64_t rate);
  void refill(Clock::Steady now);
  uint64_t least() const;     // bytes granted at once, unless fewer are wanted
  uint64_t capacity() const;  // bytes
  uint64_t credit_at(Clock::Steady now) const;

  std::atomic<uint64_t> rate_;  // written under the mutex
  mutable std::mutex mutex_;
  uint64_t credit_ = 0;  // what the bucket holds, in billionths of a byte: exact at every rate
  Clock::Steady filled_{};
  bool started_ = false;
};

}  // namespace sjcp::transfer
