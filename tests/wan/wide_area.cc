#include "tests/wan/wide_area.h"

#include <algorithm>

namespace sjcp::wan {
namespace {

constexpr Train kPing{0, 1, 84, 84};

uint64_t bytes_of(const Train& train, uint32_t begin, uint32_t end) {
  uint64_t sum = static_cast<uint64_t>(end - begin) * train.bytes;
  if (end == train.end) sum = sum - train.bytes + train.last_bytes;
  return sum;
}

// The part of a train that is a run of it.
Train part_of(const Train& train, uint32_t begin, uint32_t end) {
  return {begin, end, train.bytes, end == train.end ? train.last_bytes : train.bytes};
}

}  // namespace

Path::Path(uint32_t far_address, Placed at, uint64_t seed)
    : address(far_address),
      placed(std::move(at)),
      up(placed.settings.lane(), 2 * (seed << 32 | far_address)),
      down(placed.settings.lane(), 2 * (seed << 32 | far_address) + 1) {}

WideArea::WideArea(const Profile& profile, PacketPool& pool)
    : profile_(profile),
      pool_(pool),
      line_up_(profile.line.up),
      line_down_(profile.line.down),
      by_address_(size_t{1} << 16) {
  heap_.reserve(4096);
}

WideArea::~WideArea() {
  for (const Event& event : heap_) {
    if (event.chunk != nullptr) pool_.release(event.chunk);
  }
}

void WideArea::send(Side from, Time now, size_t size) {
  DirectionStats& stats = from == Side::kNear ? up_ : down_;
  const auto shape = shape_of(pool_.scratch(), size);
  const uint32_t far_address = !shape ? 0 : from == Side::kNear ? shape->destination : shape->source;
  const uint32_t near_address = !shape ? 0 : from == Side::kNear ? shape->source : shape->destination;
  if ((far_address & kFarMask) != kFarNetwork || near_address != kNearAddress) {
    ++stats.unroutable;
    return;
  }
  ++stats.reads;
  stats.packets += shape->train.end;
  stats.bytes += bytes_of(shape->train, 0, shape->train.end);
  Chunk* chunk = pool_.keep(size, *shape);
  if (chunk == nullptr) {
    stats.no_memory += shape->train.end;
    return;
  }
  Path& path = path_to(far_address);
  if (from == Side::kNear) {
    send_up(now, path, shape->train, chunk);
  } else {
    send_down(now, path, shape->train, chunk);
  }
  pool_.release(chunk);
}

void WideArea::send_up(Time now, Path& path, const Train& train, Chunk* chunk) {
  up_.line_wait.add(line_up_.wait(now));
  runs_.clear();
  up_.line_full += pass_hop(line_up_, now, train, runs_);
  more_runs_.clear();
  for (const Run& run : runs_) {
    up_.path_wait.add(path.up.wait(run.at));
    path.up.send(run.at, part_of(train, run.begin, run.end), more_runs_);
  }
  for (const Run& run : more_runs_) schedule(run, chunk, Stage::kArrived, Side::kFar);
}

void WideArea::send_down(Time now, Path& path, const Train& train, Chunk* chunk) {
  down_.path_wait.add(path.down.wait(now));
  runs_.clear();
  path.down.send(now, train, runs_);
  for (const Run& run : runs_) schedule(run, chunk, Stage::kAtLineDown, Side::kNear);
}

void WideArea::cross_line_down(const Event& event) {
  down_.line_wait.add(line_down_.wait(event.at));
  runs_.clear();
  down_.line_full +=
      pass_hop(line_down_, event.at, part_of(event.chunk->shape.train, event.begin, event.end), runs_);
  for (const Run& run : runs_) schedule(run, event.chunk, Stage::kArrived, Side::kNear);
}

void WideArea::schedule(const Run& run, Chunk* chunk, Stage stage, Side to) {
  ++chunk->references;
  push({.at = run.at, .chunk = chunk, .begin = run.begin, .end = run.end, .stage = stage, .to = to});
}

namespace {
// std heaps have their largest first.
constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
};
}  // namespace

void WideArea::push(Event event) {
  event.number = ++events_;
  heap_.push_back(event);
  std::push_heap(heap_.begin(), heap_.end(), kLater);
}

void WideArea::deliver(Time now, Receiver& receiver) {
  while (!heap_.empty() && heap_.front().at <= now) {
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    const Event event = heap_.back();
    heap_.pop_back();
    if (event.stage == Stage::kPingAtLineDown) {
      finish_ping(event);
      continue;
    }
    if (event.stage == Stage::kAtLineDown) {
      cross_line_down(event);
    } else {
      DirectionStats& stats = event.to == Side::kNear ? down_ : up_;
      const Train& train = event.chunk->shape.train;
      stats.arrived_packets += event.end - event.begin;
      stats.arrived_bytes += bytes_of(train, event.begin, event.end);
      stats.late.add(now - event.at);
      receiver.receive(
          event.to, Part(event.chunk->data, event.chunk->size, event.chunk->shape, event.begin, event.end));
    }
    pool_.release(event.chunk);
  }
}

std::optional<Time> WideArea::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

void WideArea::ping(Time now) {
  ++pings_sent_;
  Path& path = path_to(kPinged);
  runs_.clear();
  if (const auto leaves = line_up_.pass(now, kPing.bytes)) path.up.send(*leaves, kPing, runs_);
  if (runs_.empty()) {
    ++pings_lost_;
    return;
  }
  const Time there = runs_.back().at;
  runs_.clear();
  path.down.send(there, kPing, runs_);
  if (runs_.empty()) {
    ++pings_lost_;
    return;
  }
  push({.at = runs_.back().at, .stage = Stage::kPingAtLineDown, .ping_sent = now});
}

void WideArea::finish_ping(const Event& event) {
  if (const auto back = line_down_.pass(event.at, kPing.bytes)) {
    ping_growth_.add(*back - event.ping_sent - idle_ping());
  } else {
    ++pings_lost_;
  }
}

Time WideArea::idle_ping() const {
  return profile_.place(kPinged).settings.round_trip;
}

void WideArea::change(Time now, const Change& change) {
  changes_.push_back(change);
  for (const auto& [address, path] : paths_) {
    if (address < change.first || address > change.last) continue;
    change.path.apply(path->placed.settings);
    path->up.change(now, path->placed.settings.lane());
    path->down.change(now, path->placed.settings.lane());
  }
  if (change.down) line_down_.change(now, *change.down);
  if (change.up) line_up_.change(now, *change.up);
}

Path& WideArea::path_to(uint32_t address) {
  Path*& known = by_address_[address & ~kFarMask];
  if (known != nullptr) return *known;
  Placed placed = profile_.place(address);
  for (const Change& change : changes_) {
    if (address >= change.first && address <= change.last) change.path.apply(placed.settings);
  }
  auto& path = paths_[address];
  path = std::make_unique<Path>(address, std::move(placed), profile_.seed);
  known = path.get();
  return *path;
}

}  // namespace sjcp::wan
