// A segment's race against simulated nodes, in virtual time: rings that hold pieces together, connections
// that take a while to open, nodes that are slow, stall, die or change their speed.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "core/segment/piece_race.h"

namespace sjcp::test {

using namespace std::chrono_literals;

struct SimulatedNode {
  std::chrono::milliseconds startup = 30ms;               // until the first byte; negative: never
  std::function<double(std::chrono::milliseconds)> rate;  // bytes per second at a time of the race
  uint64_t stall_at = ~0ull;                              // no byte beyond this position
  std::optional<std::chrono::milliseconds> fails_at;
};

inline SimulatedNode node_at(double rate) {
  SimulatedNode node;
  node.rate = [rate](std::chrono::milliseconds) { return rate; };
  return node;
}

// Moves in steps of a millisecond; review() is called every 50 ms, as the driver does.
class SimulatedRace {
 public:
  using Race = segment::PieceRace;
  static constexpr uint64_t kRing = 128 << 10;
  static constexpr uint64_t kFirstOrder = 256 << 10;

  static Race::Options options(unsigned needed, uint64_t piece_size) {
    Race::Options options;
    options.needed = options.minimum = needed;
    options.piece_size = piece_size;
    options.slack = kRing / 2;
    options.parked_bytes = kFirstOrder;
    return options;
  }

  SimulatedRace(std::vector<SimulatedNode> nodes, std::vector<Race::Start> starts, Race::Options options)
      : options_(options), race(options), nodes_(std::move(nodes)) {
    for (unsigned i = 0; i < nodes_.size(); ++i) {
      race.add(i, starts[i]);
      lanes_.push_back({});
      if (starts[i] != Race::Start::kReserve) lanes_[i].opened = 0ms;
    }
  }

  // Nodes that were not offered at first.
  void add_reserve(SimulatedNode node) {
    race.add(static_cast<unsigned>(nodes_.size()), Race::Start::kReserve);
    nodes_.push_back(std::move(node));
    lanes_.push_back({});
  }

  // Until all is decoded or the time is over.  True: all is.
  bool run(std::chrono::milliseconds limit) {
    while (now < limit && consumed < options_.piece_size) step();
    return consumed >= options_.piece_size;
  }

  uint64_t fetched() const {
    uint64_t sum = 0;
    for (const Lane& lane : lanes_) sum += lane.position - lane.from;
    return sum;
  }

 private:
  struct Lane {
    std::optional<std::chrono::milliseconds> opened;
    bool answered = false;
    bool paused = false;
    uint64_t from = 0;
    uint64_t position = 0;
    double fraction = 0;
    Race::Time busy{0};
  };

 public:
  const Race::Options options_;
  Race race;
  std::chrono::milliseconds now{0};
  uint64_t consumed = 0;
  bool line_busy = false;
  std::map<unsigned, std::chrono::milliseconds> opened_at;     // reserves
  std::map<unsigned, std::chrono::milliseconds> activated_at;  // parked ones
  std::map<unsigned, std::chrono::milliseconds> dropped_at;
  std::optional<std::chrono::milliseconds> asked_at;  // for more nodes

 private:
  void step() {
    now += 1ms;
    for (unsigned i = 0; i < lanes_.size(); ++i) move(i);
    decode();
    if (now % 50ms == 0ms) review();
  }

  void move(unsigned i) {
    Lane& lane = lanes_[i];
    const SimulatedNode& node = nodes_[i];
    const auto role = race.role(i);
    if (!lane.opened || role == Race::Role::kFailed || role == Race::Role::kDropped) return;
    if (node.fails_at && now >= *node.fails_at) return apply(race.failed(i, consumed, now));
    if (node.startup < 0ms || now < *lane.opened + node.startup) return;
    if (node.stall_at <= lane.position) {
      if (lane.answered) lane.busy += 1ms;
      return;
    }
    const uint64_t end = role == Race::Role::kActive ? std::min(options_.piece_size, consumed + kRing)
                                                     : std::min<uint64_t>(kFirstOrder, 16 << 10);
    // A full ring is read for again when there is room for a record, as the driver does.
    if (lane.paused && end - std::min(lane.position, end) <
                           std::min<uint64_t>(16 << 10, options_.piece_size - lane.position)) {
      return;
    }
    if (lane.position >= end) return;
    lane.paused = false;
    if (lane.answered) lane.busy += 1ms;
    lane.fraction += node.rate(now) / 1000;
    const auto bytes = static_cast<uint64_t>(lane.fraction);
    lane.fraction -= static_cast<double>(bytes);
    lane.position = std::min({lane.position + bytes, end, node.stall_at});
    lane.paused = lane.position == end;
    if (bytes != 0 && !lane.answered) {
      lane.answered = true;
      race.first_bytes(i, now);
    }
  }

  void decode() {
    std::vector<uint64_t> positions;
    for (unsigned i = 0; i < lanes_.size(); ++i) {
      if (race.role(i) == Race::Role::kActive) positions.push_back(lanes_[i].position);
    }
    const size_t waited_for = options_.correctable != 0 ? positions.size() : options_.needed;
    if (positions.size() < waited_for || waited_for < options_.minimum) return;
    std::ranges::sort(positions, std::greater<>());
    consumed = std::max(consumed, positions[waited_for - 1]);
  }

  void review() {
    std::vector<Race::Progress> progress;
    for (unsigned i = 0; i < lanes_.size(); ++i) {
      const Lane& lane = lanes_[i];
      if (race.role(i) != Race::Role::kActive) continue;
      const bool full = lane.paused || lane.position >= options_.piece_size;
      progress.push_back({i, lane.from, lane.position, lane.busy, full});
    }
    apply(race.review(progress, consumed, now, line_busy));
  }

  void apply(const Race::Decision& decision) {
    for (unsigned i : decision.open) {
      opened_at[i] = now;
      lanes_[i].opened = now;
      lanes_[i].from = lanes_[i].position = consumed;
    }
    for (unsigned i : decision.activate) activated_at[i] = now;
    for (unsigned i : decision.drop) dropped_at[i] = now;
    if (decision.more_nodes && !asked_at) asked_at = now;
  }

  std::vector<SimulatedNode> nodes_;
  std::vector<Lane> lanes_;
};

}  // namespace sjcp::test
