#include "core/transfer/segment_window.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/base/units.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

using Steady = Clock::Steady;
using std::chrono::milliseconds;
const Steady kStart = Steady() + 1000s;
constexpr double kMega = 1e6;

// A line and the segments on it.  A segment brings its first byte after four round trips; from then on its
// connections double what they bring with every round trip, until they or the line can do no more.
struct Line {
  milliseconds round_trip{80};
  double rate = 0;         // bytes per second, all together
  double per_segment = 0;  // bytes per second at most
  // The share of the rate that is left with so many segments: the price of too many.
  std::function<double(unsigned)> efficiency = [](unsigned) { return 1.0; };
  uint64_t segment_bytes = 64 * kMiB;
};

class Transfer {
 public:
  Transfer(Line line, SegmentWindow::Options options, size_t segments)
      : line_(std::move(line)),
        window_(options),
        left_(segments),
        total_(segments * line_.segment_bytes),
        largest_(window_.size()) {}

  // Goes on by so much time, or to the end.
  void run(std::chrono::nanoseconds time) {
    for (const Steady end = now_ + time; now_ < end && !done();) step();
  }
  double seconds() const { return std::chrono::duration<double>(now_ - kStart).count(); }
  bool done() const { return left_ == 0 && running_.empty(); }
  unsigned size() const { return window_.size(); }
  unsigned largest() const { return largest_; }
  // When the size changed, in milliseconds from the start, and to what.
  using Changes = std::vector<std::pair<int64_t, unsigned>>;
  const Changes& changes() const { return changes_; }
  uint64_t bytes() const { return static_cast<uint64_t>(bytes_); }
  Line& line() { return line_; }

  // Whether the window is told how much is left, and not only that something is.
  bool tells_end = false;

 private:
  static constexpr milliseconds kTick{10};
  static constexpr milliseconds kLook{50};
  struct Segment {
    Steady begin;
    double left;
  };

  void step() {
    while (left_ > 0 && running_.size() < window_.size()) {
      running_.push_back({now_, static_cast<double>(line_.segment_bytes)});
      --left_;
    }
    if ((now_ - kStart) % kLook == 0ms) look();
    now_ += kTick;
    move();
  }

  void look() {
    const unsigned before = window_.size();
    SegmentWindow::Sample sample{now_, bytes(), static_cast<unsigned>(running_.size()), left_ > 0};
    if (tells_end) sample.left = total_ - bytes();
    window_.observe(sample);
    if (window_.size() == before) return;
    largest_ = std::max(largest_, window_.size());
    changes_.emplace_back(std::chrono::duration_cast<milliseconds>(now_ - kStart).count(), window_.size());
  }

  double speed(const Segment& segment) const {
    const double trips = std::chrono::duration<double>(now_ - segment.begin) / line_.round_trip - 4;
    if (trips <= 0) return 0;
    if (trips > 20) return line_.per_segment;
    const double first = 40 * 14'600 / std::chrono::duration<double>(line_.round_trip).count();
    return std::min(line_.per_segment, first * std::exp2(trips));
  }

  void move() {
    double wanted = 0;
    for (const Segment& segment : running_) wanted += speed(segment);
    if (wanted == 0) return;
    const double most = line_.rate * line_.efficiency(static_cast<unsigned>(running_.size()));
    const double share = std::min(1.0, most / wanted);
    for (Segment& segment : running_) {
      const double moved =
          std::min(segment.left, share * speed(segment) * std::chrono::duration<double>(kTick).count());
      segment.left -= moved;
      bytes_ += moved;
    }
    std::erase_if(running_, [](const Segment& segment) { return segment.left < 1; });
  }

  Line line_;
  SegmentWindow window_;
  size_t left_;
  const uint64_t total_;
  Steady now_ = kStart;
  double bytes_ = 0;
  std::vector<Segment> running_;
  unsigned largest_;
  Changes changes_;
};

// A long one: 10 Gbit/s.
Line ocean() {
  return {.round_trip = 80ms, .rate = 1250 * kMega, .per_segment = 60 * kMega};
}
// One on which a single segment's connections have all there is.
Line home() {
  return {.round_trip = 25ms, .rate = 12.5 * kMega, .per_segment = 100 * kMega};
}
Line antipode() {
  return {.round_trip = 200ms, .rate = 125 * kMega, .per_segment = 25 * kMega};
}
Line loopback() {
  return {.round_trip = 1ms, .rate = 700 * kMega, .per_segment = 400 * kMega};
}

constexpr SegmentWindow::Options kOptions{.start = 4, .least = 2, .most_rise = 16, .most = 64};

// Time that a fixed number of segments takes for the same.
double seconds_with(unsigned fixed, const Line& line, size_t segments) {
  Transfer transfer(line, {.start = fixed, .least = fixed, .most_rise = fixed, .most = fixed}, segments);
  transfer.run(24h);
  REQUIRE(transfer.done());
  return transfer.seconds();
}

double seconds_with_auto(const Line& line, size_t segments) {
  Transfer transfer(line, kOptions, segments);
  transfer.run(24h);
  REQUIRE(transfer.done());
  return transfer.seconds();
}

}  // namespace

TEST_CASE("A window stays as it begins while nothing is in flight or nothing has come") {
  SegmentWindow window;
  const unsigned begin = window.size();
  for (auto at = 0s; at < 60s; at += 1s) {
    window.observe({kStart + at, 0, 0, false});
    CHECK(window.size() == begin);
  }
  for (auto at = 60s; at < 120s; at += 1s) {
    window.observe({kStart + at, 0, begin, true});
    CHECK(window.size() == begin);
  }
}

TEST_CASE("The options bound a window, however odd they are") {
  CHECK(SegmentWindow({.start = 0, .least = 1, .most_rise = 4, .most = 4}).size() == 1);
  CHECK(SegmentWindow({.start = 9, .least = 1, .most_rise = 4, .most = 4}).size() == 4);
  CHECK(SegmentWindow({.start = 9, .least = 1, .most_rise = 4, .most = 0}).size() == 1);
}

TEST_CASE("On a long fat line the window doubles at exact moments while the rate climbs") {
  Transfer transfer(ocean(), kOptions, 1000);
  transfer.run(4s);
  // The first bytes show at 350 ms, so a slice is 175 ms; looks come every 50 ms, hence one lasts 200 ms. Two
  // slices, 350 to 550 and 550 to 750, are compared: 4 becomes 8.  By 1.3 s no slice is a quarter faster than
  // the one before; after a measurement of 700 ms half as many again are tried, which pays.
  REQUIRE(transfer.changes().size() >= 2);
  CHECK(transfer.changes()[0] == std::pair<int64_t, unsigned>(750, 8));
  CHECK(transfer.changes()[1] == std::pair<int64_t, unsigned>(2000, 12));
}

TEST_CASE("The longer an object takes to open, the more segments begin") {
  const auto begins_with = [](std::chrono::nanoseconds took, SegmentWindow::Options options = kOptions) {
    SegmentWindow window(options);
    window.opened(took);
    return window.size();
  };
  CHECK(begins_with(14ms) == 2);
  CHECK(begins_with(14ms, {.start = 1, .least = 2, .most_rise = 16, .most = 64}) == 1);
  CHECK(begins_with(15ms) == 4);
  CHECK(begins_with(49ms) == 4);
  CHECK(begins_with(50ms) == 8);
  CHECK(begins_with(399ms) == 8);
  CHECK(begins_with(400ms) == 16);
  CHECK(begins_with(400ms, {.start = 5, .least = 2, .most_rise = 16, .most = 64}) == 16);
  CHECK(begins_with(400ms, {.start = 4, .least = 2, .most_rise = 16, .most = 6}) == 6);
}

TEST_CASE("On a long path more ranges on single connections begin than segments of many") {
  const auto begins_with = [](std::chrono::nanoseconds took, unsigned most) {
    SegmentWindow window({.start = 4, .least = 2, .most_rise = 16, .most = most});
    window.opened(took, true);
    return window.size();
  };
  CHECK(begins_with(10ms, 64) == 4);
  CHECK(begins_with(250ms, 100) == 64);
  CHECK(begins_with(250ms, 20) == 20);
  SegmentWindow fewer({.start = 4, .ranges = 32});
  fewer.opened(250ms, true);
  CHECK(fewer.size() == 32);
}

TEST_CASE("Where a queue stands before the line nothing grows, however fast bytes come more quickly") {
  const auto largest = [](bool queued) {
    SegmentWindow window(kOptions);
    unsigned most = window.size();
    double bytes = 0;
    double rate = kMega;
    for (auto now = kStart; now < kStart + 8s; now += 50ms) {
      window.observe({now, static_cast<uint64_t>(bytes), window.size(), true, queued});
      most = std::max(most, window.size());
      bytes += rate / 20;
      rate *= 1.1;
    }
    return most;
  };
  CHECK(largest(true) == 4);
  CHECK(largest(false) > 8);
}

TEST_CASE("Once bytes have come the opening of objects changes nothing") {
  SegmentWindow window(kOptions);
  window.observe({kStart, 0, 1, true});
  window.observe({kStart + 50ms, 1, 1, true});
  window.opened(1s);
  CHECK(window.size() == 4);
}

TEST_CASE("A segment that is in flight before the object is opened does not keep a long path from more") {
  SegmentWindow window({.start = 2, .most_rise = 2});
  window.observe({kStart, 0, 1, true});
  window.opened(250ms);
  CHECK(window.size() == 4);
}

TEST_CASE("On a long path segments that are sent begin when the first ones show that the line is not thin") {
  const auto size_after = [](std::chrono::nanoseconds took, double growth, double rate = 100 * kMega) {
    SegmentWindow window({.start = 2, .most_rise = 2, .thin = 4e6, .starts_with_most = false});
    window.opened(took);
    double bytes = 0;
    double step = rate / 20;
    for (auto now = kStart; now < kStart + 1s; now += 50ms) {
      window.observe({now, static_cast<uint64_t>(bytes), window.size(), true});
      bytes += step;
      step *= growth;
    }
    return window.size();
  };
  CHECK(size_after(250ms, 1.2) == 4);
  CHECK(size_after(250ms, 1, 17 * kMega) == 4);
  CHECK(size_after(250ms, 1, 15 * kMega) == 2);
  CHECK(size_after(20ms, 1.2) == 2);
  CHECK(size_after(250ms, 1.05, 2 * kMega) == 2);
}

TEST_CASE("On a long path segments that are sent begin as soon as the line is plainly wide") {
  SegmentWindow window({.start = 2, .most_rise = 2, .thin = 4e6, .starts_with_most = false});
  window.opened(500ms);
  const auto at = [&](auto time, double bytes, bool wanted = true) {
    window.observe({kStart + time, static_cast<uint64_t>(bytes), 2, wanted});
    return window.size();
  };
  at(0ms, 0);
  CHECK(at(400ms, 1000) == 2);
  CHECK(at(440ms, 3 * kMega) == 2);
  CHECK(at(460ms, 3 * kMega, false) == 2);
  CHECK(at(460ms, 0.9 * kMega) == 2);
  CHECK(at(460ms, 2 * kMega) == 4);
  CHECK(at(510ms, 3 * kMega) == 4);
  CHECK(at(560ms, 6 * kMega) == 8);
  CHECK(at(610ms, 600 * kMega) == 8);
}

TEST_CASE("Where a segment gets little, more of them are not tried") {
  const auto largest = [](double rate) {
    SegmentWindow window({.start = 2, .most_rise = 2, .thin = 4e6});
    unsigned most = 0;
    for (auto now = kStart; now < kStart + 60s; now += 50ms) {
      const double seconds = std::chrono::duration<double>(now - kStart).count();
      window.observe({now, static_cast<uint64_t>(rate * seconds), window.size(), true});
      most = std::max(most, window.size());
    }
    return most;
  };
  CHECK(largest(2.5 * kMega) == 2);
  CHECK(largest(20 * kMega) == 3);
}

TEST_CASE("On a fat line the window grows for as long as it pays") {
  Transfer transfer(ocean(), kOptions, 1000);
  transfer.run(20s);
  // 21 segments fill it.
  CHECK(transfer.largest() >= 21);
  CHECK(transfer.size() >= 18);
  CHECK(transfer.size() <= 45);
  CHECK(seconds_with_auto(ocean(), 1000) < 1.1 * seconds_with(21, ocean(), 1000));
}

TEST_CASE("On a line that one segment fills the window stays small") {
  Transfer transfer(home(), kOptions, 20);
  transfer.run(1min);
  // One trial of half as many more, undone; then fewer, kept as nothing is lost.
  CHECK(transfer.largest() == 6);
  CHECK(transfer.size() <= 4);
  CHECK(seconds_with_auto(home(), 20) < 1.02 * seconds_with(2, home(), 20));
}

TEST_CASE("Growth that does not pay is undone at the exact moment when that is known") {
  Transfer transfer(home(), kOptions, 1000);
  transfer.run(5s);
  REQUIRE(transfer.changes().size() >= 2);
  const auto [tried_at, tried] = transfer.changes()[0];
  const auto [undone_at, undone] = transfer.changes()[1];
  CHECK(tried == 6);
  // 400 ms to settle and a measurement of one second; it then tries fewer than there were.
  CHECK(undone_at - tried_at == 1400);
  CHECK(undone == 3);
}

TEST_CASE("Nothing is tried that could not be judged before the end") {
  const bool tells_end = GENERATE(false, true);
  Line line = home();
  line.segment_bytes = kMiB;
  // At the first measurement some 11 MB are left: less than the line carries during a trial.
  Transfer brief(line, kOptions, 30);
  brief.tells_end = tells_end;
  brief.run(1min);
  REQUIRE(brief.done());
  CHECK(brief.changes().empty() == tells_end);
  Transfer longer(line, kOptions, 64);
  longer.tells_end = tells_end;
  longer.run(1min);
  CHECK(longer.largest() > 4);
}

TEST_CASE("Where more segments bring less, the window goes back before much is lost") {
  const Line line{
      .round_trip = 40ms, .rate = 200 * kMega, .per_segment = 60 * kMega, .efficiency = [](unsigned count) {
        return count <= 6 ? 1.0 : 6.0 / count;
      }};
  CHECK(seconds_with_auto(line, 64) < 1.1 * seconds_with(4, line, 64));
  CHECK(seconds_with_auto(line, 64) < 0.5 * seconds_with(16, line, 64));
  Transfer transfer(line, kOptions, 1000);
  transfer.run(1min);
  CHECK(transfer.largest() <= 9);
}

TEST_CASE("The first seconds of a long line are used whatever the length") {
  for (size_t segments : {2U, 8U, 16U, 64U}) {
    INFO(segments);
    const double best = std::min(seconds_with(16, ocean(), segments), seconds_with(8, ocean(), segments));
    CHECK(seconds_with_auto(ocean(), segments) < best + 2.1);
  }
}

TEST_CASE("Steered is never much slower than the same with 8, whatever the line") {
  for (const Line& line : {ocean(), home(), antipode(), loopback()}) {
    for (size_t segments : {1U, 3U, 16U, 64U}) {
      CAPTURE(line.round_trip.count(), segments);
      CHECK(seconds_with_auto(line, segments) < 1.05 * seconds_with(8, line, segments) + 0.8);
    }
  }
}

TEST_CASE("A window follows a line that grows") {
  Line line = home();
  line.per_segment = 12 * kMega;
  Transfer transfer(line, kOptions, 100'000);
  transfer.run(30s);
  CHECK(transfer.size() <= 4);
  // Fibre is here.
  transfer.line().rate = 250 * kMega;
  const uint64_t before = transfer.bytes();
  transfer.run(300s);
  CHECK(transfer.size() >= 15);
  CHECK(static_cast<double>(transfer.bytes() - before) > 0.5 * 300 * 250 * kMega);
}

TEST_CASE("A window follows a line that shrinks, and never below the least") {
  Transfer transfer(ocean(), kOptions, 100'000);
  transfer.run(30s);
  REQUIRE(transfer.size() >= 16);
  // What is in flight ends by itself, which takes six minutes.
  transfer.line().rate = 5 * kMega;
  transfer.run(30min);
  CHECK(transfer.size() <= 6);
  CHECK(transfer.size() >= kOptions.least);
}

TEST_CASE("A line that stands still for a while does not shrink the window for good") {
  Transfer transfer(ocean(), kOptions, 100'000);
  transfer.run(30s);
  const unsigned before = transfer.size();
  transfer.line().rate = 1;
  transfer.run(20s);
  transfer.line().rate = ocean().rate;
  transfer.run(30s);
  CHECK(transfer.size() >= before * 3 / 4);
}

TEST_CASE("Who is away for a while costs that time, and hardly more, whenever it goes") {
  const Line line{
      .round_trip = 40ms, .rate = 200 * kMega, .per_segment = 3 * kMega, .segment_bytes = 4 * kMiB};
  constexpr size_t kSegments = 100;
  const double usual = seconds_with_auto(line, kSegments);
  for (milliseconds gone = 500ms; gone < 8s; gone += 100ms) {
    CAPTURE(gone.count());
    Transfer transfer(line, kOptions, kSegments);
    transfer.run(gone);
    transfer.line().rate = 0;
    transfer.run(10s);
    transfer.line().rate = line.rate;
    transfer.run(10min);
    REQUIRE(transfer.done());
    CHECK(transfer.seconds() < usual + 10 + 2);
  }
}

TEST_CASE("Nothing is concluded from a rate that the window does not limit") {
  SegmentWindow window(kOptions);
  uint64_t bytes = 0;
  for (auto at = 0ms; at < 60s; at += 50ms) {
    bytes += 50'000;
    // One segment in flight, nobody waits.
    window.observe({kStart + at, bytes, 1, false});
  }
  CHECK(window.size() == kOptions.start);
}

TEST_CASE("The window stays within its bounds under any rate") {
  uint64_t state = 1;
  auto random = [&state] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL; };
  for (int round = 0; round < 50; ++round) {
    SegmentWindow window(kOptions);
    uint64_t bytes = 0;
    Steady now = kStart;
    for (int i = 0; i < 5000; ++i) {
      now += std::chrono::milliseconds(random() >> 57);
      bytes += random() >> (38 + (random() >> 60));
      window.observe({now, bytes, static_cast<unsigned>(random() >> 58), random() >> 63 != 0});
      REQUIRE(window.size() >= kOptions.least);
      REQUIRE(window.size() <= kOptions.most);
    }
  }
}
