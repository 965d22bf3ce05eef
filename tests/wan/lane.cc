#include "tests/wan/lane.h"

#include <algorithm>

namespace sjcp::wan {

void Lane::send(Time now, const Train& train, std::vector<Run>& out) {
  const size_t before = out.size();
  RunBuilder runs(out);
  for (uint32_t i = train.begin; i < train.end; ++i) {
    const uint32_t bytes = train.bytes_of(i);
    ++counters_.packets;
    counters_.bytes += bytes;
    if (settings_.dead) {
      ++counters_.dead;
    } else if (stalls(now, bytes)) {
      ++counters_.stalled;
    } else if (const auto leaves = hop_.pass(now, bytes); !leaves) {
      ++counters_.queue_full;
    } else if (loses()) {
      ++counters_.lost;
    } else {
      runs.arrives(i, *leaves);
    }
  }
  if (out.size() == before) return;
  Time distance = settings_.delay;
  if (settings_.jitter.count() > 0) {
    distance += Time(static_cast<int64_t>(draw() % static_cast<uint64_t>(settings_.jitter.count() + 1)));
  }
  for (size_t i = before; i < out.size(); ++i) {
    out[i].at = last_arrival_ = std::max(last_arrival_, out[i].at + distance);
  }
}

void Lane::change(Time now, const LaneSettings& settings) {
  settings_ = settings;
  hop_.change(now, settings.hop);
}

bool Lane::stalls(Time now, uint32_t bytes) {
  if (settings_.stall_after == 0) return false;
  if (now < stalled_until_) return true;
  if (until_stall_ >= settings_.stall_after) {
    until_stall_ = 0;
    stalled_until_ = now + settings_.stall_for;
    return true;
  }
  until_stall_ += bytes;
  return false;
}

uint64_t Lane::draw() {
  // splitmix64: one word of state, any seed is good.
  uint64_t z = (random_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t pass_hop(Hop& hop, Time at, const Train& train, std::vector<Run>& out) {
  uint64_t dropped = 0;
  RunBuilder runs(out);
  for (uint32_t i = train.begin; i < train.end; ++i) {
    if (const auto leaves = hop.pass(at, train.bytes_of(i)); leaves) {
      runs.arrives(i, *leaves);
    } else {
      ++dropped;
    }
  }
  return dropped;
}

}  // namespace sjcp::wan
