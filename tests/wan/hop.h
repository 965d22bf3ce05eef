// A line of limited rate with a queue before it that drops at its tail.
//
// Ownership: none.  Threads: one.
// Units:     bytes are those of IP packets, headers included; no framing of a link is added.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/wan/time.h"

namespace sjcp::wan {

struct HopSettings {
  uint64_t bits_per_second = 0;  // 0: no limit
  Time queue{0};                 // longest wait; a packet that would have to wait longer is dropped
};

class Hop {
 public:
  explicit Hop(const HopSettings& settings) : settings_(settings) {}

  // When a packet has left the line, or nothing when the queue is full.  Requires: `at` never goes back.
  std::optional<Time> pass(Time at, uint64_t bytes);

  // How long a packet that comes now would wait.
  Time wait(Time at) const { return free_at_ > at ? free_at_ - at : Time(0); }

  // What waits goes on at the new rate; what was told its time keeps it.
  void change(Time at, const HopSettings& settings);

 private:
  HopSettings settings_;
  Time free_at_{0};
};

}  // namespace sjcp::wan
