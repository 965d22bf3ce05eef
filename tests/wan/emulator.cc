#include "tests/wan/emulator.h"

#include <poll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace sjcp::wan {
namespace {

// Packets read from one device before the other has its turn.
constexpr int kBatch = 32;
// Turns of the loop between looks at what is watched, while there is no end of packets.
constexpr unsigned kBusyTurns = 64;
constexpr Time kLongestSleep = std::chrono::seconds(1);
// For so long after a packet others are expected.
constexpr Time kActive = std::chrono::milliseconds(1);

// While packets flow, the loop looks at them this often and not at each, as network cards do: a timer and a
// wake-up for every packet are a third of its work.  Short beside the round trip, which it makes longer by
// its double.
Time tick_for(const Profile& profile) {
  return std::clamp<Time>(profile.place(kFirstService).settings.round_trip / 200,
                          std::chrono::microseconds(20), std::chrono::microseconds(200));
}

Time now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::seconds(time.tv_sec) + Time(time.tv_nsec);
}

}  // namespace

Result<std::unique_ptr<Emulator>> Emulator::create(const Profile& profile, const EmulatorOptions& options) {
  SpaceSettings near_settings;
  near_settings.device_address = kNearAddress;
  near_settings.beyond = kFarNetwork;
  near_settings.beyond_bits = 16;
  near_settings.tcp = options.tcp;
  auto near_side = Space::open(near_settings);
  if (!near_side) return near_side.error();
  SpaceSettings far_settings;
  far_settings.device_address = kNearAddress + 1;
  far_settings.beyond = kNearAddress;
  far_settings.beyond_bits = 32;
  far_settings.local_address = kFirstService;
  far_settings.local_mask = kFarMask;
  far_settings.tcp = options.tcp;
  auto far_side = Space::open(far_settings);
  if (!far_side) return far_side.error();
  return std::unique_ptr<Emulator>(
      new Emulator(profile, options, std::move(*near_side), std::move(*far_side)));
}

Emulator::Emulator(const Profile& profile, const EmulatorOptions& options, Space near_side, Space far_side)
    : profile_(profile),
      options_(options),
      tick_(tick_for(profile)),
      pool_(options.memory_bytes),
      area_(profile, pool_),
      near_(std::move(near_side)),
      far_(std::move(far_side)) {}

void Emulator::watch(int fd, std::function<void()> ready) {
  watched_.push_back({fd, std::move(ready)});
}

void Emulator::unwatch(int fd) {
  std::erase_if(watched_, [fd](const Watched& watched) { return watched.fd == fd; });
}

void Emulator::run() {
  // The default lets the kernel wake us 50 microseconds late.
  ::prctl(PR_SET_TIMERSLACK, 1000UL);
  stopped_ = false;
  for (unsigned turn = 0; !stopped_; ++turn) {
    due_events(now());
    const int from_near = read_from(Side::kNear);
    const int from_far = read_from(Side::kFar);
    area_.deliver(now(), *this);
    rest(from_near, from_far, turn);
  }
}

void Emulator::rest(int from_near, int from_far, unsigned turn) {
  const Time at = now();
  if (from_near + from_far > 0) active_until_ = at + kActive;
  const bool more = from_near == kBatch || from_far == kBatch;
  const bool active = more || at < active_until_;
  if (!active || turn % kBusyTurns == 0) return wait(active ? Time(0) : std::max(next_wake(at) - at, tick_));
  if (more) return;
  const timespec tick{0, tick_.count()};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, nullptr);
}

int Emulator::read_from(Side side) {
  const int device = side == Side::kNear ? near_.device() : far_.device();
  int count = 0;
  for (; count < kBatch; ++count) {
    const ssize_t n = ::read(device, pool_.scratch(), kMaxPacketBytes);
    if (n <= 0) break;
    area_.send(side, now(), static_cast<size_t>(n));
  }
  return count;
}

void Emulator::receive(Side to, const Part& part) {
  const int device = to == Side::kNear ? near_.device() : far_.device();
  if (::writev(device, part.buffers(), part.count()) < 0) ++write_errors_;
}

void Emulator::due_events(Time now) {
  if (!began_) return;
  const auto& events = profile_.events;
  while (next_event_ < events.size() && begin_ + events[next_event_].at <= now) {
    area_.change(now, events[next_event_++]);
  }
  if (options_.ping_every.count() == 0) return;
  while (next_ping_ <= now) {
    area_.ping(now);
    next_ping_ = std::max(next_ping_ + options_.ping_every, now);
  }
}

Time Emulator::next_wake(Time now) const {
  Time wake = now + kLongestSleep;
  if (const auto due = area_.next_due()) wake = std::min(wake, *due);
  if (began_ && options_.ping_every.count() != 0) wake = std::min(wake, next_ping_);
  if (began_ && next_event_ < profile_.events.size()) {
    wake = std::min(wake, begin_ + profile_.events[next_event_].at);
  }
  return wake;
}

void Emulator::wait(Time longest) {
  std::vector<pollfd> polled{{near_.device(), POLLIN, 0}, {far_.device(), POLLIN, 0}};
  for (const Watched& watched : watched_) polled.push_back({watched.fd, POLLIN, 0});
  const timespec limit{longest.count() / 1'000'000'000, longest.count() % 1'000'000'000};
  if (::ppoll(polled.data(), polled.size(), &limit, nullptr) <= 0) return;
  for (size_t i = 2; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    // A callback may add and remove others.
    const auto at = std::find_if(watched_.begin(), watched_.end(),
                                 [&](const Watched& watched) { return watched.fd == polled[i].fd; });
    if (at == watched_.end()) continue;
    const auto ready = at->ready;
    ready();
  }
}

void Emulator::begin_events() {
  began_ = true;
  begin_ = next_ping_ = now();
}

void Emulator::change(const Change& change) {
  area_.change(now(), change);
}

}  // namespace sjcp::wan
