// One direction of the path to one far address: a hop, a distance, and what goes wrong on the way.
//
// Deterministic: the same seed and the same packets at the same times have the same fate.
// Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/wan/hop.h"
#include "tests/wan/train.h"

namespace sjcp::wan {

struct LaneSettings {
  Time delay{0};   // one way
  Time jitter{0};  // each train is up to this much later, but never overtakes
  HopSettings hop;
  double loss = 0;           // of wire packets, 0 to 1
  bool dead = false;         // nothing arrives
  uint64_t stall_after = 0;  // bytes, after which nothing arrives for `stall_for`, then anew; 0: never
  Time stall_for{0};
};

// Wire packets by what became of them.
struct LaneCounters {
  uint64_t packets = 0;  // that were sent
  uint64_t bytes = 0;
  uint64_t lost = 0;
  uint64_t queue_full = 0;
  uint64_t stalled = 0;
  uint64_t dead = 0;
};

class Lane {
 public:
  Lane(const LaneSettings& settings, uint64_t seed)
      : settings_(settings), hop_(settings.hop), random_(seed) {}

  // Appends to `out` what arrives of the train.  Requires: `now` never goes back.
  void send(Time now, const Train& train, std::vector<Run>& out);

  // For what is sent from now on; what is on its way is not overtaken.
  void change(Time now, const LaneSettings& settings);

  // Waiting time before the hop, for a packet that is sent now.
  Time wait(Time now) const { return hop_.wait(now); }
  const LaneCounters& counters() const { return counters_; }

 private:
  bool stalls(Time now, uint32_t bytes);
  // Of [0, 2^64).
  uint64_t draw();
  bool loses() { return settings_.loss > 0 && static_cast<double>(draw() >> 11) * 0x1p-53 < settings_.loss; }

  LaneSettings settings_;
  Hop hop_;
  uint64_t random_;
  uint64_t until_stall_ = 0;  // bytes that went since the last stall
  Time stalled_until_{0};
  Time last_arrival_{0};
  LaneCounters counters_;
};

// A hop that trains of many lanes share.  Appends what passes to `out`; the number of packets that it
// dropped.
uint64_t pass_hop(Hop& hop, Time at, const Train& train, std::vector<Run>& out);

}  // namespace sjcp::wan
