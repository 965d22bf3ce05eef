// A clock that stands still until a test moves it.
//
// Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/base/clock.h"

namespace sjcp::test {

class HandClock final : public Clock {
 public:
  Steady steady_now() const override { return Steady(std::chrono::hours(1) + passed()); }
  Wall wall_now() const override { return Wall(std::chrono::hours(480'000) + passed()); }

  void advance(std::chrono::nanoseconds time) { passed_ += time.count(); }
  // So long after the beginning.
  void set(std::chrono::nanoseconds time) { passed_ = time.count(); }
  std::chrono::nanoseconds passed() const { return std::chrono::nanoseconds(passed_.load()); }

 private:
  std::atomic<int64_t> passed_{0};
};

}  // namespace sjcp::test
