// How long the last hundredth of a transfer takes: where slow pieces show.
//
// Threads: add() from any; the rest from one, when nobody adds any more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/base/clock.h"

namespace sjcp::transfer {

class TailWatch {
 public:
  // The clock must outlive it.
  TailWatch(uint64_t total_bytes, const Clock& clock)
      : threshold_(total_bytes - total_bytes / 100), clock_(clock), reached_(clock.steady_now()) {}

  // So many bytes more are done.
  void add(uint64_t bytes) {
    const uint64_t before = done_.fetch_add(bytes, std::memory_order_relaxed);
    if (before < threshold_ && before + bytes >= threshold_) reached_ = clock_.steady_now();
  }

  uint64_t done() const { return done_.load(std::memory_order_relaxed); }
  // From the moment when all but a hundredth was done until now; from the beginning when there was none.
  std::chrono::nanoseconds elapsed() const { return clock_.steady_now() - reached_; }

 private:
  const uint64_t threshold_;
  const Clock& clock_;
  std::atomic<uint64_t> done_{0};
  Clock::Steady reached_;
};

}  // namespace sjcp::transfer
