// What one read of a TUN device yields: a train of wire packets that travel as one until something parts
// them.
//
// The kernel hands over up to 64 KB of a TCP stream at once.  On the wire that were some 44 packets; the
// model judges each of them, and what survives goes on in runs of neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/wan/time.h"

namespace sjcp::wan {

// Wire packets [begin, end), all of `bytes` but the last.
struct Train {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t bytes = 0;
  uint32_t last_bytes = 0;

  uint32_t bytes_of(uint32_t packet) const { return packet + 1 == end ? last_bytes : bytes; }
};

// Neighbours [begin, end) of a train that arrive together, at the time when the last of them does.
struct Run {
  uint32_t begin = 0;
  uint32_t end = 0;
  Time at{0};

  bool operator==(const Run&) const = default;
};

// On a slow line the first packets of a train arrive long before its last: no run is longer than this.
inline constexpr Time kLongestRun = std::chrono::microseconds(500);

// Joins packets that arrive to runs.  `out` must outlive it and is appended to.
class RunBuilder {
 public:
  explicit RunBuilder(std::vector<Run>& out) : out_(out), next_(out.size()) {}

  // Requires: packets come in order, and `at` never goes back.
  void arrives(uint32_t packet, Time at) {
    const bool joins = out_.size() > next_ && out_.back().end == packet && at - first_at_ <= kLongestRun;
    if (joins) {
      out_.back().end = packet + 1;
      out_.back().at = at;
      return;
    }
    out_.push_back({packet, packet + 1, at});
    first_at_ = at;
  }

 private:
  std::vector<Run>& out_;
  const size_t next_;  // what was there before belongs to others
  Time first_at_{0};
};

}  // namespace sjcp::wan
