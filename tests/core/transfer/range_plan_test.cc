// The plan at work on lines of every kind, in virtual time.
#include "core/transfer/range_plan.h"
#include "tests/support/catch.h"

#include <cmath>
#include <functional>
#include <numeric>

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

constexpr auto kTick = 5ms;
constexpr auto kLook = 50ms;

struct Line {
  double rate = 1 << 20;  // bytes per second
  std::chrono::milliseconds opening{0};
  double falls_silent_at = 1e9;  // seconds after the begin of the transfer; for good
};

// Workers that fetch what the plan says, over connections of which each is a line of its own.
class Simulation {
 public:
  Simulation(uint64_t bytes, size_t workers, std::function<Line(size_t connection)> line,
             RangePlan::Options options = {}, std::vector<ByteRange> missing = {})
      : bytes_(bytes),
        plan_(missing.empty() ? std::vector<ByteRange>{{0, bytes}} : missing, options),
        line_(std::move(line)) {
    set_workers(workers);
  }

  void set_workers(size_t count) {
    while (workers_.size() < count) workers_.push_back({connections_++, std::nullopt, 0, {}, 0, 0});
  }

  // At this moment (seconds), so many workers.
  void grow(double at, size_t count) { growth_.push_back({at, count}); }

  // Until all is there, or for so many seconds.
  void run(double limit = 1000) {
    for (; !plan_.done() && seconds() < limit; now_ += kTick) {
      for (const auto& [at, count] : growth_) {
        if (seconds() >= at) set_workers(count);
      }
      if ((now_ - RangePlan::Time()) % kLook == 0ms) plan_.look(now_);
      for (Worker& worker : workers_) begin(worker);
      for (Worker& worker : workers_) receive(worker);
      front_ = there_.missing({0, bytes_}).empty() ? bytes_ : there_.missing({0, bytes_})[0].begin;
      const uint64_t received = there_.bytes();
      most_ahead_ = std::max(most_ahead_, received - std::min(received, front_));
    }
  }

  double seconds() const { return std::chrono::duration<double>(now_ - RangePlan::Time()).count(); }
  // Between the moments when the first and the last worker received their last byte.
  double spread() const {
    double first = 1e9, last = 0;
    for (const Worker& worker : workers_) {
      first = std::min(first, worker.last);
      last = std::max(last, worker.last);
    }
    return last - first;
  }
  bool complete() const { return there_.contains({0, bytes_}); }
  RangeSet& there() { return there_; }

  size_t fetches_ = 0;
  size_t connections_ = 0;
  uint64_t most_ahead_ = 0;  // bytes that lay beyond the first gap
  uint64_t received_ = 0;
  std::vector<RangePlan::Part> parts_;
  RangePlan::Time now_{};
  uint64_t bytes_;
  RangePlan plan_;

 private:
  struct Worker {
    size_t connection;
    std::optional<RangePlan::Part> part;
    double next;
    RangePlan::Time receives_from;
    double last;
    size_t parts;
  };

  void begin(Worker& worker) {
    if (worker.part) return;
    size_t coming = 0;
    for (const Worker& other : workers_) coming += &other != &worker && !other.part && other.parts == 0;
    worker.part = plan_.take(now_, coming);
    if (!worker.part) return;
    ++fetches_;
    ++worker.parts;
    parts_.push_back(*worker.part);
    worker.next = static_cast<double>(worker.part->bytes.begin);
    worker.receives_from = now_ + line_(worker.connection).opening;
  }

  void receive(Worker& worker) {
    if (!worker.part) return;
    const Line line = line_(worker.connection);
    const RangePlan::Id id = worker.part->id;
    const auto before = static_cast<uint64_t>(worker.next);
    const uint64_t end = plan_.end(id);
    if (now_ >= worker.receives_from && seconds() < line.falls_silent_at) {
      worker.next += line.rate * std::chrono::duration<double>(kTick).count();
    }
    const auto next = std::min(end, static_cast<uint64_t>(worker.next));
    if (next > before) {
      REQUIRE(there_.missing({before, next}).size() == 1);  // nothing comes twice
      there_.add({before, next});
      received_ += next - before;
      plan_.arrived(id, next, now_);
      worker.last = seconds();
    }
    if (next < end) return;
    // A reply that is cut short costs its connection.
    if (end < worker.part->bytes.end) worker.connection = connections_++;
    plan_.ended(id, next, now_);
    worker.part.reset();
  }

  std::function<Line(size_t)> line_;
  std::vector<Worker> workers_;
  std::vector<std::pair<double, size_t>> growth_;
  RangeSet there_;
  uint64_t front_ = 0;
};

std::function<Line(size_t)> all_alike(const Line& line) {
  return [line](size_t) { return line; };
}

}  // namespace

TEST_CASE("One worker takes everything in one fetch") {
  Simulation sim(64 * kMiB, 1, all_alike({}));
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.fetches_ == 1);
  CHECK(sim.seconds() == Approx(64).margin(0.02));
}

TEST_CASE("Workers that begin together take equal parts, and none is cut") {
  for (const size_t workers : {2u, 5u, 12u, 16u}) {
    Simulation sim(240 * kMiB, workers, all_alike({1 << 20, 100ms}));
    sim.run();
    INFO(workers);
    CHECK(sim.complete());
    CHECK(sim.fetches_ == workers);
    CHECK(sim.connections_ == workers);
    CHECK(sim.seconds() == Approx(240.0 / static_cast<double>(workers) + 0.1).margin(0.02));
  }
}

TEST_CASE("A worker that comes later takes half of the rest of the one that would end last") {
  RangePlan plan({{0, 64 * kMiB}}, {});
  RangePlan::Time now{};
  const auto first = plan.take(now);
  REQUIRE(first);
  CHECK(first->bytes == ByteRange{0, 64 * kMiB});
  const auto second = plan.take(now);
  REQUIRE(second);
  CHECK(second->bytes == ByteRange{32 * kMiB, 64 * kMiB});
  CHECK(plan.end(first->id) == 32 * kMiB);
  plan.arrived(second->id, 48 * kMiB, now);
  const auto third = plan.take(now);
  REQUIRE(third);
  CHECK(third->bytes == ByteRange{16 * kMiB, 32 * kMiB});
}

TEST_CASE("Workers that come while others run share what is left, and all end together") {
  Simulation sim(256 * kMiB, 4, all_alike({4 << 20, 50ms}));
  sim.grow(2, 8);
  sim.grow(4, 16);
  sim.run();
  CHECK(sim.complete());
  // 4 workers for 1.95 s, 8 for 2 s, then 16: 31.2 + 62 MiB, and 162.8 MiB at 64 MiB/s.
  CHECK(sim.seconds() < 4 + 2.55 * 1.12);
  CHECK(sim.spread() < 0.3);
}

TEST_CASE("Lines of different rates end together") {
  Simulation sim(200 * kMiB, 8, [](size_t connection) {
    return Line{static_cast<double>(1 + connection % 4) * (1 << 20), 50ms};
  });
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.seconds() < 1.1 * 200 / (2 * (1 + 2 + 3 + 4)));
  CHECK(sim.spread() < 0.4);
}

TEST_CASE("A path twenty times slower than its siblings is left for another") {
  Simulation sim(512 * kMiB, 16, [](size_t connection) {
    return Line{connection == 3 ? 0.2 * (1 << 20) : 4.0 * (1 << 20), 150ms};
  });
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.plan_.replaced() == 1);
  // 16 such lines need 8.15 s, 15 of them 8.7.
  CHECK(sim.seconds() < 8.9);
  CHECK(sim.spread() < 0.75);
}

TEST_CASE(
    "A line that stays slow however often it is dialled costs its share only, without a storm of dials") {
  Simulation sim(512 * kMiB, 16, [](size_t connection) {
    return Line{connection == 3 || connection >= 16 ? 0.2 * (1 << 20) : 4.0 * (1 << 20), 150ms};
  });
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.seconds() < 11);
  CHECK(sim.connections_ < 40);
}

TEST_CASE("A fetch that falls silent loses its range while its siblings receive") {
  Simulation sim(256 * kMiB, 8, [](size_t connection) {
    Line line{4 << 20, 50ms};
    if (connection == 5) line.falls_silent_at = 2;
    return line;
  });
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.plan_.replaced() == 1);
  // 8 s, and what one line of eight misses in 1.1 s.
  CHECK(sim.seconds() < 8.5);
}

TEST_CASE("Fetches that fall silent at the very end are replaced, though nobody else receives any more") {
  Simulation sim(256 * kMiB, 8, [](size_t connection) {
    Line line{4 << 20, 50ms};
    if (connection == 2 || connection == 5) line.falls_silent_at = 8;
    return line;
  });
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.seconds() < 9.5);
}

TEST_CASE("When all fall silent nobody loses a range") {
  Simulation sim(256 * kMiB, 8, [](size_t) { return Line{4 << 20, 50ms, 2}; });
  sim.run(20);
  CHECK_FALSE(sim.complete());
  CHECK(sim.plan_.replaced() == 0);
}

TEST_CASE("Nobody loses a range for being as slow as all are") {
  // 20 KB/s each: chance alone makes siblings differ for seconds.
  Simulation sim(2 * kMiB, 8, all_alike({20e3, 300ms}));
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.plan_.replaced() == 0);
  CHECK(sim.seconds() < 1.5 * 2 * kMiB / (8 * 20e3));
}

TEST_CASE("Each time that a range is taken away more patience is shown, and at some time it ends") {
  Simulation sim(64 * kMiB, 2, [](size_t connection) {
    // One that is fine, and others that never bring anything.
    return Line{1 << 20, 10ms, connection == 0 ? 1e9 : 0.2};
  });
  sim.run(62);
  CHECK(sim.plan_.replaced() >= 3);
  CHECK(sim.plan_.replaced() <= 12);
}

TEST_CASE("What an earlier run left open is filled, and nothing else is fetched") {
  const std::vector<ByteRange> missing{
      {10 * kMiB, 11 * kMiB}, {20 * kMiB, 60 * kMiB}, {63 * kMiB, 64 * kMiB}};
  Simulation sim(64 * kMiB, 4, all_alike({1 << 20, 20ms}), {}, missing);
  sim.there().add({0, 10 * kMiB});
  sim.there().add({11 * kMiB, 20 * kMiB});
  sim.there().add({60 * kMiB, 63 * kMiB});
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.received_ == 42 * kMiB);
  CHECK(sim.seconds() < 1.1 * 42 / 4);
}

TEST_CASE("An ordered destination gets short parts from the front that become shorter towards the end") {
  RangePlan::Options options;
  options.order = RangePlan::Order::kStrict;
  Simulation sim(128 * kMiB, 8, all_alike({4 << 20, 20ms}), options);
  sim.run();
  CHECK(sim.complete());
  CHECK(sim.most_ahead_ <= 32 * kMiB);
  CHECK(sim.seconds() < 1.15 * 4);
  CHECK(sim.spread() < 0.2);
  CHECK(sim.parts_.front().bytes.begin == 0);
  CHECK(sim.parts_.front().bytes.size() == 1 * kMiB);
  for (size_t i = 1; i < 20; ++i) CHECK(sim.parts_[i].bytes.begin == sim.parts_[i - 1].bytes.end);
  CHECK(sim.parts_.back().bytes.size() < 1 * kMiB);
}

TEST_CASE("Parts that leave a front behind them are longer on long paths") {
  RangePlan::Options options;
  options.order = RangePlan::Order::kFront;
  Simulation near(512 * kMiB, 8, all_alike({8 << 20, 1ms}), options);
  near.run();
  CHECK(near.complete());
  CHECK(near.seconds() < 1.03 * 8);
  CHECK(near.most_ahead_ <= 72 * kMiB);
  Simulation far(512 * kMiB, 8, all_alike({8 << 20, 150ms}), options);
  far.run();
  CHECK(far.complete());
  CHECK(far.seconds() < 1.2 * 8);
}

TEST_CASE("Nothing is split that is not worth a request") {
  RangePlan plan({{0, 400 * kKiB}}, {});
  RangePlan::Time now{};
  const auto all = plan.take(now, 15);
  REQUIRE(all);
  CHECK(all->bytes.size() == 400 * kKiB);
  CHECK_FALSE(plan.worth(now));
  CHECK_FALSE(plan.take(now, 15));
  plan.arrived(all->id, 100 * kKiB, now);
  plan.arrived(all->id, 200 * kKiB, now + 100ms);
  CHECK_FALSE(plan.worth(now + 100ms));
  CHECK_FALSE(plan.done());
  plan.ended(all->id, 400 * kKiB, now + 300ms);
  CHECK(plan.done());
}

TEST_CASE("The time in which the destination holds a fetch up is not held against it") {
  RangePlan plan({{0, 64 * kMiB}}, {});
  RangePlan::Time now{};
  const auto a = plan.take(now, 1);
  const auto b = plan.take(now, 0);
  for (uint64_t i = 1; i <= 100; ++i) {
    now += 100ms;
    plan.arrived(a->id, a->bytes.begin + i * 200 * kKiB, now);
    if (i == 10) plan.arrived(b->id, b->bytes.begin + 2 * kMiB, now);
    if (i == 10) plan.hold(b->id, now);
    plan.look(now);
  }
  plan.go_on(b->id, now);
  plan.look(now);
  CHECK(plan.replaced() == 0);
  // From now on its silence counts.
  for (uint64_t i = 1; i <= 40; ++i) {
    now += 100ms;
    plan.arrived(a->id, a->bytes.begin + (100 + i) * 200 * kKiB, now);
    plan.look(now);
  }
  CHECK(plan.replaced() == 1);
  CHECK(plan.end(b->id) == b->bytes.begin + 2 * kMiB);
}

TEST_CASE("What a fetch did not bring goes back to the pool") {
  RangePlan plan({{0, 8 * kMiB}}, {});
  RangePlan::Time now{};
  const auto part = plan.take(now);
  plan.ended(part->id, 3 * kMiB, now);
  CHECK_FALSE(plan.done());
  const auto rest = plan.take(now);
  REQUIRE(rest);
  CHECK(rest->bytes == ByteRange{3 * kMiB, 8 * kMiB});
}

TEST_CASE("Where fetches wait for each other, parts stay as they are and what is free goes from the front") {
  const RangePlan::Time begin{};
  RangePlan plan({{0, 64 << 20}}, {});
  const auto first = *plan.take(begin, 3);
  const auto second = *plan.take(begin, 2);
  const auto third = *plan.take(begin, 1);
  const auto fourth = *plan.take(begin, 0);
  plan.keep_parts();
  plan.arrived(first.id, first.bytes.begin + (8 << 20), begin + 1s);
  CHECK_FALSE(plan.look(begin + 60s));
  CHECK(plan.replaced() == 0);
  CHECK_FALSE(plan.take(begin + 60s));
  // One that failed gives back what is missing; nobody gets less than that.
  plan.ended(third.id, third.bytes.begin, begin + 60s);
  plan.ended(second.id, second.bytes.begin, begin + 60s);
  CHECK(plan.take(begin + 61s, 3)->bytes == second.bytes);
  CHECK(plan.take(begin + 61s, 3)->bytes == third.bytes);
  CHECK(plan.end(fourth.id) == fourth.bytes.end);
}
