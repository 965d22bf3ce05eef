#include "net/storj/node_memory.h"

#include <algorithm>

namespace sjcp::storj {
namespace {

using namespace std::chrono_literals;

constexpr double kSmoothing = 0.3;
// Fewer known rates say nothing about what is typical.
constexpr size_t kEnoughRates = 5;
// Below this part of the typical rate a node is slow.
constexpr double kSlowShare = 0.25;
constexpr auto kSlowFor = 60s;  // then it may show again what it can
constexpr auto kFirstBan = 30s;
constexpr auto kLongestBan = 600s;
constexpr size_t kMaxNodes = 50'000;
// Fewer bytes, or less time, say nothing about a node's speed.
constexpr uint64_t kTellingBytes = 64 << 10;
constexpr auto kTellingTime = 200ms;
// Dialling a node so near costs a handshake, and nothing that distance would add: no round trips, no slow
// start. A parity share costs each segment more arithmetic than that, so data shares come before idle
// connections.
constexpr auto kNextDoor = 2ms;
// A node that is silent for longer than a lost packet and its repeat take, and so many round trips, has
// stalled.
constexpr std::chrono::nanoseconds kSilence = 300ms;
constexpr int kSilentTrips = 6;
constexpr std::chrono::nanoseconds kSilenceAnywhere = 1s;  // where round trips are not known
// What was seen for less, such as one piece over loopback, is slow by luck as often as not.  Who is slow in
// earnest is read for so long by the segments that begin together.
constexpr auto kLastinglySlow = 500ms;
// A fault after which nobody delivered, nor shortly before, may be the line's.
constexpr auto kLineAlive = 2s;

}  // namespace

void NodeMemory::served(const access::NodeId& node, const Service& service) {
  const auto limit = service.trip > 0ns ? std::max(kSilence, kSilentTrips * service.trip) : kSilenceAnywhere;
  if (service.trip > 0ns) round_trip(node, service.trip);
  if (service.silent >= limit) return failed(node, Fault::kStalled);
  if (service.bytes < kTellingBytes && (service.bytes == 0 || service.busy < kTellingTime)) return;
  const double seconds = std::max(std::chrono::duration<double>(service.busy).count(), 1e-3);
  std::lock_guard lock(mutex_);
  note_delivery(node, static_cast<double>(service.bytes) / seconds).busy += service.busy;
}

void NodeMemory::delivered(const access::NodeId& node, double rate) {
  std::lock_guard lock(mutex_);
  note_delivery(node, rate);
}

NodeMemory::Record& NodeMemory::note_delivery(const access::NodeId& node, double rate) {
  Record& record = record_of(node);
  record.rate = record.rate == 0 ? rate : record.rate + kSmoothing * (rate - record.rate);
  record.seen = delivered_ = clock_.steady_now();
  record.faults = 0;
  return record;
}

void NodeMemory::failed(const access::NodeId& node, Fault fault) {
  std::lock_guard lock(mutex_);
  Record& record = record_of(node);
  const auto now = clock_.steady_now();
  std::chrono::seconds ban = kLongestBan;
  if (fault != Fault::kBadData) ban = std::min(kLongestBan, kFirstBan * (1 << std::min(record.faults, 5u)));
  ++record.faults;
  record.wrong |= fault == Fault::kBadData;
  record.seen = now;
  record.bad_until = std::max(record.bad_until, now + ban);
}

std::chrono::nanoseconds NodeMemory::round_trip(const access::NodeId& node, std::chrono::nanoseconds seen) {
  std::lock_guard lock(mutex_);
  Record& record = record_of(node);
  if (record.trip == 0ns || seen < record.trip) record.trip = seen;
  return record.trip;
}

NodeMemory::Record& NodeMemory::record_of(const access::NodeId& node) {
  if (nodes_.size() >= kMaxNodes && !nodes_.contains(node)) nodes_.clear();
  return nodes_[node];
}

NodeMemory::Standing NodeMemory::standing(const access::NodeId& node) const {
  std::lock_guard lock(mutex_);
  return standing(node, typical_rate(), clock_.steady_now());
}

NodeMemory::Standing NodeMemory::standing(const access::NodeId& node, double typical,
                                          Clock::Steady now) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.judged()) {
    const auto recalled = recalled_.find(node);
    return recalled != recalled_.end() && now < recalled->second ? Standing::kSlow : Standing::kUnknown;
  }
  const Record& record = found->second;
  if (now < record.bad_until) return Standing::kBad;
  if (record.faults != 0 || record.rate == 0) return Standing::kUnknown;
  if (record.rate >= kSlowShare * typical) return Standing::kGood;
  return now - record.seen < kSlowFor ? Standing::kSlow : Standing::kUnknown;
}

void NodeMemory::recall(const NodeHistory& history) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady_now();
  for (const auto& [node, left] : history.poor(clock_.wall_now())) recalled_[node] = now + left;
}

std::vector<NodeHistory::Finding> NodeMemory::findings() const {
  using Verdict = NodeHistory::Verdict;
  std::lock_guard lock(mutex_);
  const double typical = typical_rate();
  const auto now = clock_.steady_now();
  const auto today = clock_.wall_now();
  std::vector<NodeHistory::Finding> all;
  size_t poor = 0;
  size_t judged = 0;
  for (const auto& [id, record] : nodes_) {
    if (!record.judged()) continue;
    ++judged;
    auto verdict = Verdict::kWell;
    if (record.wrong) {
      verdict = Verdict::kWrongData;
    } else if (record.faults != 0) {
      if (record.seen > delivered_ + kLineAlive) continue;
      verdict = Verdict::kPoor;
    } else if (record.rate < kSlowShare * typical) {
      if (record.busy < kLastinglySlow) continue;
      verdict = Verdict::kPoor;
    } else if (typical == 0) {
      continue;  // delivered, but nobody says whether that was slow
    }
    if (verdict != Verdict::kWell) ++poor;
    all.push_back(
        {id, verdict, today - std::chrono::duration_cast<Clock::Wall::duration>(now - record.seen)});
  }
  if (2 * poor >= judged) std::erase_if(all, [](const auto& each) { return each.verdict != Verdict::kWell; });
  return all;
}

bool NodeMemory::next_door(const access::NodeId& node) const {
  const auto found = nodes_.find(node);
  return found != nodes_.end() && found->second.trip > 0ns && found->second.trip < kNextDoor;
}

double NodeMemory::typical_rate() const {
  std::vector<double> rates;
  for (const auto& [id, record] : nodes_) {
    if (record.rate != 0) rates.push_back(record.rate);
  }
  if (rates.size() < kEnoughRates) return 0;
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return *middle;
}

std::vector<NodeMemory::Start> NodeMemory::plan(std::span<const Candidate> candidates,
                                                unsigned needed) const {
  using How = segment::PieceRace::Start;
  struct Ranked {
    Standing standing;
    bool far;  // to be dialled over some distance
    bool parity;
    bool cold;
    unsigned piece;
    auto operator<=>(const Ranked&) const = default;
  };
  std::vector<Ranked> ranked;
  {
    std::lock_guard lock(mutex_);
    const double typical = typical_rate();
    const auto now = clock_.steady_now();
    for (const Candidate& each : candidates) {
      ranked.push_back({standing(each.node, typical, now), !each.warm && !next_door(each.node), !each.data,
                        !each.warm, each.piece});
    }
  }
  std::ranges::sort(ranked);
  const auto up_to = [&](Standing worst) {
    return static_cast<size_t>(
        std::ranges::count_if(ranked, [&](const Ranked& each) { return each.standing <= worst; }));
  };
  const size_t chosen = std::min<size_t>(up_to(Standing::kGood), needed);
  const size_t missing = needed - chosen;
  // Dialling is cheap, and the nearest win.  Few places that are missing can be taken by a node somewhat
  // farther, and poor ones are not worth a third for each.
  size_t opened = chosen + 2 * missing;
  if (chosen == 0) opened = std::max(opened, std::min<size_t>(3 * missing, up_to(Standing::kUnknown)));
  std::vector<Start> plan;
  for (const Ranked& each : ranked) {
    const size_t place = plan.size();
    plan.push_back({each.piece, place < chosen   ? How::kChosen
                                : place < opened ? How::kRacing
                                                 : How::kReserve});
  }
  return plan;
}

}  // namespace sjcp::storj
