#include "core/transfer/queue_control.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <vector>

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

using Steady = Clock::Steady;
using Seconds = std::chrono::duration<double>;
using std::chrono::milliseconds;
const Steady kStart = Steady() + 1000s;
constexpr double kMega = 1e6;
constexpr double kLargestWindow = 6 * kMega;  // of the kernel

// A line with a queue, and connections that all cross it.  What a connection has under way grows as fast as
// what arrives, to its window; a window that shrinks takes effect with what arrives.  Beyond the queue bytes
// are lost.
struct Line {
  double rate = 12.5 * kMega;
  milliseconds base{25};
  milliseconds queue{75};
};

class Downloads {
 public:
  Downloads(Line shared, unsigned connections)
      : line(shared), readers_(&control_), under_way_(connections, 14'000) {
    readers_.set(connections);
  }

  void run(milliseconds time) {
    for (const auto end = now + time; now < end;) step();
  }
  // The connections of a segment end.
  void leave(unsigned connections) {
    under_way_.resize(under_way_.size() - connections);
    readers_.set(static_cast<unsigned>(under_way_.size()));
  }

  Line line;
  milliseconds now{0};
  double bytes = 0;
  double lost = 0;
  bool ever_steered = false;
  Seconds waits{0};  // in the queue
  milliseconds known_base{25};
  QueueControl& control() { return control_; }

 private:
  static constexpr milliseconds kTick{5};

  void step() {
    now += kTick;
    double sum = 0;
    for (double f : under_way_) sum += f;
    const double most = line.rate * Seconds(line.base + line.queue).count();
    if (sum > most) {
      lost += sum - most;
      for (double& f : under_way_) f *= most / sum;
      sum = most;
    }
    waits = std::max(Seconds(sum / line.rate) - Seconds(line.base), Seconds(0));
    const Seconds trip = Seconds(line.base) + waits;
    const auto window = control_.window(known_base);
    for (double& f : under_way_) {
      const double arrived = f * (Seconds(kTick) / trip);
      bytes += arrived;
      const double wanted = window ? static_cast<double>(*window) : kLargestWindow;
      f += std::clamp(wanted - f, -arrived, arrived);
    }
    // As kernels do: a shorter trip counts at once, longer ones bit by bit.
    seen_ = std::min(trip, seen_ + (trip - seen_) * (Seconds(kTick) / Seconds(100ms)));
    if (now % 50ms == 0ms) look();
  }

  void look() {
    const auto trip = std::chrono::duration_cast<std::chrono::nanoseconds>(seen_);
    const std::vector<QueueControl::Path> paths(under_way_.size(), {known_base, trip});
    control_.observe(paths, static_cast<uint64_t>(bytes), kStart + now);
    ever_steered |= control_.steering();
  }

  QueueControl control_;
  QueueControl::Readers readers_;
  std::vector<double> under_way_;
  Seconds seen_{0.025};
};

// Looks with given round trips and rates, 50 ms apart.
class Looks {
 public:
  explicit Looks(unsigned count) : readers(&control) {
    readers.set(count);
    look(25ms, 0);
  }
  void look(milliseconds trip, double rate, size_t paths = 4) {
    bytes += static_cast<uint64_t>(rate / 20);
    control.observe(std::vector<QueueControl::Path>(paths, {25ms, trip}), bytes, kStart + now);
    now += 50ms;
  }
  QueueControl control;
  QueueControl::Readers readers;
  uint64_t bytes = 0;
  milliseconds now{0};
};

}  // namespace

TEST_CASE("A queue that stands for two looks is steered, and each connection gets its share") {
  Looks looks(10);
  looks.look(60ms, 10 * kMega);  // the first rate: it may still climb
  CHECK(looks.control.busy());
  looks.look(60ms, 10 * kMega);
  CHECK_FALSE(looks.control.steering());
  CHECK_FALSE(looks.control.window(25ms));
  looks.look(60ms, 10 * kMega);
  CHECK(looks.control.steering());
  CHECK(looks.control.queue() == 35ms);
  // 10 MB/s over ten connections for 25 + 35 ms.
  CHECK(looks.control.window(25ms) == 60'000);
  CHECK(looks.control.window(65ms) == 100'000);
  CHECK(looks.control.window(0ms) == 60'000);
  looks.readers.set(5);
  CHECK(looks.control.window(25ms) == 120'000);
  looks.readers.set(1000);
  CHECK(looks.control.window(25ms) == 2 * 1448);
}

TEST_CASE("Where the line is too thin for all segments, those that began first read, three at least") {
  Looks looks(10);  // 10 MB/s for 60 ms are 600 KB: at 8 packets each enough for 51 connections
  QueueControl::Readers second(&looks.control);
  QueueControl::Readers third(&looks.control);
  QueueControl::Readers fourth(&looks.control);
  QueueControl::Readers fifth(&looks.control);
  const auto turns = [&] {
    return std::vector{second.may_read(), third.may_read(), fourth.may_read(), fifth.may_read()};
  };
  using Turns = std::vector<bool>;
  second.set(10);
  third.set(30);
  fourth.set(20);
  fifth.set(30);
  CHECK(turns() == Turns{true, true, true, true});  // no queue
  for (int i = 0; i < 3; ++i) looks.look(60ms, 10 * kMega);
  REQUIRE(looks.control.steering());
  // Four began before the steering, and keep reading as long as 5 packets are left to each.
  CHECK(turns() == Turns{true, true, true, false});
  CHECK(looks.control.window(25ms) == 600'000 / 70);
  // One that begins waits until there is room for it at 8 packets, and behind those that wait already.
  fourth.set(0);
  fourth.set(20);
  CHECK(turns() == Turns{true, true, false, false});
  CHECK(static_cast<double>(*looks.control.window(25ms)) == Approx(600e3 / 50).margin(1));
  looks.readers.set(0);
  CHECK(turns() == Turns{true, true, false, true});
  // The line turns out to be wide.
  for (int i = 0; i < 200; ++i) looks.look(26ms, 10'000 * kMega);
  CHECK_FALSE(looks.control.steering());
  CHECK(turns() == Turns{true, true, true, true});
}

TEST_CASE("What the system held for who waited says nothing about the line when it comes at once") {
  Looks looks(30);
  QueueControl::Readers second(&looks.control);
  QueueControl::Readers third(&looks.control);
  QueueControl::Readers fourth(&looks.control);
  second.set(30);
  third.set(30);
  fourth.set(30);
  for (int i = 0; i < 3; ++i) looks.look(60ms, 10 * kMega);
  REQUIRE_FALSE(fourth.may_read());
  const auto before = looks.control.window(25ms);
  second.set(0);
  REQUIRE(fourth.may_read());
  for (int i = 0; i < 4; ++i) looks.look(60ms, 500 * kMega);
  CHECK(looks.control.window(25ms) == before);
  // Later such a rate is the line's.
  for (int i = 0; i < 8; ++i) looks.look(60ms, 500 * kMega);
  CHECK(looks.control.window(25ms) > 10 * *before);
}

TEST_CASE(
    "While what was offered before is still arriving, three quarters of the rate are offered at least") {
  Looks looks(10);
  for (int i = 0; i < 60; ++i) looks.look(100ms, 10 * kMega);
  CHECK(looks.control.steering());
  CHECK(looks.control.window(25ms) == 45'000);
}

TEST_CASE("A queue below 30 ms, a rate that climbs, and too few connections are no reason to steer") {
  Looks below(10);
  for (int i = 0; i < 100; ++i) below.look(54ms, 10 * kMega);
  CHECK_FALSE(below.control.steering());
  CHECK_FALSE(below.control.busy());
  Looks climbing(10);
  for (double rate = kMega; rate < 1000 * kMega; rate *= 1.3) climbing.look(80ms, rate);
  CHECK_FALSE(climbing.control.steering());
  Looks few(2);
  for (int i = 0; i < 5; ++i) few.look(80ms, 10 * kMega, 0);
  CHECK_FALSE(few.control.steering());
}

TEST_CASE("Paths with troubles of their own do not count as long as most have none") {
  Looks looks(10);
  for (int i = 0; i < 20; ++i) {
    const std::vector<QueueControl::Path> troubled(2, {25ms, 500ms});
    looks.control.observe(troubled, looks.bytes, kStart + looks.now - 1ms);
    looks.look(40ms, 10 * kMega, 3);
  }
  CHECK_FALSE(looks.control.steering());
}

TEST_CASE("After a pause what was measured before it does not count") {
  Looks looks(10);
  looks.look(60ms, 10 * kMega);
  looks.look(60ms, 10 * kMega);
  looks.now += 500ms;
  looks.look(60ms, 10 * kMega);  // only begins
  CHECK_FALSE(looks.control.steering());
}

TEST_CASE("A slow line keeps busy with a short queue, and loses nothing more") {
  Downloads home(Line{}, 116);
  home.run(2s);
  CHECK(home.control().steering());
  const double lost = home.lost;
  double bytes = home.bytes;
  for (int i = 0; i < 100; ++i) {
    home.run(200ms);
    CHECK(home.waits > 15ms);
    CHECK(home.waits < 45ms);
  }
  CHECK(home.lost == lost);
  CHECK(home.bytes - bytes == Approx(20 * home.line.rate).epsilon(0.001));
  // The others take the place of those that end.
  home.leave(87);
  home.run(300ms);
  bytes = home.bytes;
  home.run(1s);
  CHECK(home.bytes - bytes == Approx(home.line.rate).epsilon(0.01));
  CHECK(home.waits < 50ms);
}

TEST_CASE("A fast line with a short queue is left alone") {
  Downloads fast(Line{.rate = 1250 * kMega, .base = 80ms, .queue = 20ms}, 464);
  fast.known_base = 80ms;
  fast.run(10s);
  CHECK_FALSE(fast.ever_steered);
}

TEST_CASE("A line that becomes faster is used, and released once nothing stands in it") {
  Downloads home(Line{}, 58);
  home.run(5s);
  REQUIRE(home.control().steering());
  home.line.rate *= 2;
  home.run(1s);
  double bytes = home.bytes;
  home.run(1s);
  CHECK(home.bytes - bytes == Approx(home.line.rate).epsilon(0.02));
  home.line.rate *= 1000;
  home.run(6s);
  CHECK_FALSE(home.control().steering());
}

TEST_CASE("A line that becomes slower has a short queue again soon") {
  Downloads home(Line{}, 58);
  home.run(5s);
  home.line.rate /= 4;
  home.run(4s);
  CHECK(home.control().steering());
  CHECK(home.waits < 50ms);
  CHECK(home.waits > 0ms);
}

TEST_CASE("Round trips that stay long with less under way are no queue, and steering rests for a minute") {
  Downloads moved(Line{}, 58);
  moved.run(5s);
  REQUIRE(moved.control().steering());
  moved.line = {.rate = 12.5 * kMega, .base = 225ms, .queue = 75ms};
  moved.run(10s);
  CHECK_FALSE(moved.control().steering());
  moved.run(45s);
  CHECK_FALSE(moved.control().steering());
}
