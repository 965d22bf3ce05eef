// Time as an argument: policies take a Clock so that tests can move it (tests/support/hand_clock.h).
#pragma once

#include <chrono>

namespace sjcp {

class Clock {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using Wall = std::chrono::system_clock::time_point;

  virtual ~Clock() = default;
  virtual Steady steady_now() const = 0;  // never jumps; for durations and deadlines
  virtual Wall wall_now() const = 0;      // for dates that peers see
};

// The machine's clocks.  Thread-safe; lives for the whole process.
const Clock& system_clock();

}  // namespace sjcp
