#include <thread>

#include "core/base/units.h"
#include "core/base/wait.h"
#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_sink.h"
#include "tests/support/fake_source.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::FakeSink;
using test::FakeSource;
using test::pattern;
using test::Rendezvous;

namespace {

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

CopyOptions with_parallelism(unsigned n) {
  CopyOptions options;
  options.parallelism = n;
  return options;
}

// Until somebody (or nobody) waits for memory; yields, since the budget offers no event for it.
bool await_waiting(const MemoryBudget& budget, bool somebody) {
  const auto limit = std::chrono::steady_clock::now() + test::kPatience;
  while ((budget.waiting() > 0) != somebody) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

// Until stop is requested.  False: patience is over.
bool await_stop(const std::stop_token& stop) {
  return !wait_unless_stopped(test::kPatience, stop);
}

}  // namespace

TEST_CASE("A download puts every byte in its place, whatever the sizes and the parallelism") {
  for (unsigned parallelism : {1u, 3u, 16u}) {
    for (uint64_t size : {0u, 1u, 99u, 100u, 101u, 200u, 1234u}) {
      Bench bench;
      FakeSource source(size, 100);
      FakeSink sink;
      auto summary = download(source, sink, with_parallelism(parallelism), bench.context);
      INFO(size << " bytes, parallelism " << parallelism);
      REQUIRE(summary);
      CHECK(summary->bytes == size);
      CHECK(summary->segments == (size + 99) / 100);
      CHECK(sink.bytes == pattern(0, size));
      CHECK(sink.committed);
      CHECK_FALSE(sink.aborted);
      CHECK(bench.counters.bytes_total == size);
      CHECK(bench.counters.bytes_done == size);
      CHECK(bench.counters.segments_active == 0);
      CHECK(bench.budget.held() == 0);
    }
  }
}

TEST_CASE("A small file takes no thread of its own") {
  Bench bench;
  const auto caller = std::this_thread::get_id();
  std::thread::id worker;
  const bool large = GENERATE(false, true);
  FakeSource source(large ? kMiB : 1000, 2 * kMiB);
  source.before_fetch = [&](const Segment&, const Context&) -> Status {
    worker = std::this_thread::get_id();
    return {};
  };
  FakeSink sink;
  REQUIRE(download(source, sink, with_parallelism(0), bench.context));
  CHECK((worker == caller) == !large);
}

TEST_CASE("A range is written from the start of the destination") {
  Bench bench;
  FakeSource source(1000, 100);
  FakeSink sink;
  CopyOptions options = with_parallelism(4);
  options.range = *RangeRequest::parse("bytes=150-449");
  auto summary = download(source, sink, options, bench.context);
  REQUIRE(summary);
  CHECK(summary->bytes == 300);
  CHECK(summary->segments == 4);
  CHECK(sink.bytes == pattern(150, 450));
}

TEST_CASE("As many segments as asked for are in flight at once, from the first byte") {
  Bench bench;
  constexpr unsigned kParallelism = 12;
  FakeSource source(1200, 100);
  FakeSink sink;
  Rendezvous all(kParallelism);
  Rendezvous read(kParallelism);
  source.before_fetch = [&](const Segment&, const Context& context) -> Status {
    if (!all.arrive()) return make_error(Errc::kInternal, "the others never came");
    const bool right = context.counters->segments_active == kParallelism;
    return read.arrive() && right ? Status() : make_error(Errc::kInternal, "the gauge is wrong");
  };
  REQUIRE(download(source, sink, with_parallelism(kParallelism), bench.context));
  CHECK(source.most_fetching == kParallelism);
  CHECK(sink.bytes == pattern(0, 1200));
}

TEST_CASE("A source is told at once what begins first, and what follows when half of a segment is done") {
  Bench bench;
  FakeSource source(600, 100);
  std::vector<std::vector<size_t>> at_begin;
  std::vector<std::vector<size_t>> at_end;
  source.before_fetch = [&](const Segment&, const Context&) {
    at_begin.push_back(source.expected());
    return Status();
  };
  source.after_fetch = [&](const Segment&, const Context&) {
    at_end.push_back(source.expected());
    return Status();
  };
  FakeSink sink;
  RangeRequest range = *RangeRequest::parse("50-449");
  CopyOptions options = with_parallelism(1);
  options.range = range;
  REQUIRE(download(source, sink, options, bench.context));
  using List = std::vector<size_t>;
  CHECK(at_begin[0] == List{0});
  CHECK(at_end[0].back() == 1);
  CHECK(at_begin[1] == at_end[0]);
  CHECK(at_end[1].back() == 2);
  // The last one that is wanted is the last one expected.
  CHECK(*std::ranges::max_element(at_end.back()) == 4);
}

TEST_CASE("No more segments than asked for are in flight") {
  Bench bench;
  FakeSource source(5000, 10);
  FakeSink sink;
  REQUIRE(download(source, sink, with_parallelism(3), bench.context));
  CHECK(source.most_fetching <= 3);
  CHECK(source.fetches == 500);
}

TEST_CASE("The memory budget bounds the segments in flight") {
  Bench bench;
  MemoryBudget small(250);
  bench.context.budget = &small;
  FakeSource source(3000, 10);
  source.memory = 100;
  FakeSink sink;
  std::atomic<uint64_t> most{0};
  source.before_fetch = [&](const Segment&, const Context& context) -> Status {
    const uint64_t now = context.budget->held();
    uint64_t seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    return {};
  };
  REQUIRE(download(source, sink, with_parallelism(8), bench.context));
  CHECK(source.most_fetching <= 2);
  CHECK(most <= 250);
  CHECK(small.held() == 0);
}

TEST_CASE("A budget smaller than one segment still lets one at a time through") {
  Bench bench;
  MemoryBudget tiny(1);
  bench.context.budget = &tiny;
  FakeSource source(500, 10);
  source.memory = 100;
  FakeSink sink;
  REQUIRE(download(source, sink, with_parallelism(8), bench.context));
  CHECK(source.most_fetching == 1);
}

TEST_CASE("A worker that waits for memory goes home when the last segment is taken") {
  Bench bench;
  MemoryBudget budget(50);
  bench.context.budget = &budget;
  FakeSource source(30, 10);
  source.memory = 50;
  FakeSink sink;
  // Memory for one.  During the first two segments another worker waits; during the last nobody may.
  source.before_fetch = [&](const Segment& segment, const Context&) -> Status {
    if (await_waiting(budget, segment.index < 2)) return {};
    return make_error(Errc::kInternal, "wrong number of waiters");
  };
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  REQUIRE(summary);
  CHECK(sink.committed);
}

TEST_CASE("A failed segment stops its siblings, aborts the sink and is the error reported") {
  Bench bench;
  FakeSource source(1000, 100);
  FakeSink sink;
  Rendezvous started(4);
  std::atomic<int> stopped{0};
  source.before_fetch = [&](const Segment& segment, const Context& context) -> Status {
    if (!started.arrive()) return make_error(Errc::kInternal, "the others never came");
    if (segment.index == 2) return make_error(Errc::kNetwork, "segment 2 is lost");
    if (await_stop(context.stop)) ++stopped;
    return make_error(Errc::kCancelled, "stopped");
  };
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kNetwork);
  CHECK(summary.error().what == "segment 2 is lost");
  CHECK(stopped == 3);
  CHECK(source.fetches == 4);
  CHECK(sink.aborted);
  CHECK_FALSE(sink.committed);
  CHECK(bench.counters.segments_active == 0);
  CHECK(bench.budget.held() == 0);
  CHECK_FALSE(bench.stop.stop_requested());
}

TEST_CASE("Of several failures the most telling is reported, not the first") {
  Bench bench;
  FakeSource source(300, 100);
  FakeSink sink;
  Rendezvous started(3);
  source.before_fetch = [&](const Segment& segment, const Context& context) -> Status {
    if (!started.arrive()) return make_error(Errc::kInternal, "the others never came");
    if (segment.index == 0) return make_error(Errc::kNetwork, "connection lost");
    await_stop(context.stop);
    if (segment.index == 1) return make_error(Errc::kIntegrity, "wrong bytes");
    return make_error(Errc::kCancelled, "stopped");
  };
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kIntegrity);
}

TEST_CASE("A stop from another thread in the middle ends a download as cancelled") {
  Bench bench;
  FakeSource source(1000, 10);
  FakeSink sink;
  Rendezvous stuck(4);
  source.before_fetch = [&](const Segment& segment, const Context& context) -> Status {
    if (segment.index < 16) return {};
    stuck.pass();
    return make_error(Errc::kNetwork, await_stop(context.stop) ? "cut off by the stop" : "never stopped");
  };
  std::thread user([&] {
    stuck.wait();
    bench.stop.request_stop();
  });
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(source.fetches == 20);
  CHECK(sink.aborted);
  CHECK_FALSE(sink.committed);
  CHECK(bench.budget.held() == 0);
}

TEST_CASE("A stop while a worker waits for memory ends a download as cancelled") {
  Bench bench;
  MemoryBudget budget(10);
  bench.context.budget = &budget;
  auto other = budget.acquire(10, {});
  REQUIRE(other);
  FakeSource source(100, 10);
  source.memory = 10;
  FakeSink sink;
  std::thread user([&] {
    await_waiting(budget, true);
    bench.stop.request_stop();
  });
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(source.fetches == 0);
}

TEST_CASE("A stop frees workers that are blocked in the sink") {
  Bench bench;
  FakeSource source(100, 10);
  FakeSink sink;
  Rendezvous blocked(3);
  Rendezvous released(1);
  std::atomic<int> freed{0};
  sink.on_write = [&](uint64_t, ByteView) -> Status {
    blocked.pass();
    if (released.wait()) ++freed;
    return make_error(Errc::kCancelled, "aborted");
  };
  sink.on_abort = [&] { released.pass(); };
  std::thread user([&] {
    blocked.wait();
    bench.stop.request_stop();
  });
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(freed == 3);
  CHECK(sink.aborted);
}

TEST_CASE("A download that was stopped before it began touches nothing") {
  Bench bench;
  bench.stop.request_stop();
  FakeSource source(100, 10);
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(source.fetches == 0);
  CHECK_FALSE(sink.committed);
}

TEST_CASE("A source that cannot be opened leaves the sink alone") {
  Bench bench;
  FakeSource source(100, 10);
  source.open_error = make_error(Errc::kNotFound, "sj://bucket/key: no such object");
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kNotFound);
  CHECK_FALSE(sink.begun);
}

TEST_CASE("A sink that fails a write fails the download with its error") {
  Bench bench;
  FakeSource source(1000, 100);
  FakeSink sink;
  sink.on_write = [](uint64_t offset, ByteView) -> Status {
    if (offset >= 500) return make_error(Errc::kLocalIo, "no space left");
    return {};
  };
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "no space left");
  CHECK(sink.aborted);
}

TEST_CASE("A source that leaves bytes out is caught before the commit") {
  Bench bench;
  FakeSource source(1000, 100);
  source.drop_last_byte = true;
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kInternal);
  CHECK_FALSE(sink.committed);
}

TEST_CASE("Bytes out of place within a segment are refused") {
  class Misplacing final : public Source {
   public:
    explicit Misplacing(uint64_t offset) : offset_(offset) {}
    Result<ObjectInfo> open(const RangeRequest&, const Context&) override {
      ObjectInfo info;
      info.size = 10;
      info.range = {0, 10};
      return info;
    }
    const std::vector<Segment>& segments() const override { return segments_; }
    uint64_t memory_per_segment() const override { return 0; }
    Status fetch(const Segment&, Output& output, const Context&) override {
      Status status = output.write(0, std::string_view("abcde"));
      return status ? output.write(offset_, std::string_view("fghij")) : status;
    }

   private:
    const uint64_t offset_;
    std::vector<Segment> segments_{{0, {0, 10}}};
  };
  for (uint64_t offset : {0u, 4u, 6u, 10u}) {
    Bench bench;
    Misplacing source(offset);
    FakeSink sink;
    auto summary = download(source, sink, with_parallelism(1), bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().code == Errc::kInternal);
  }
  Bench bench;
  Misplacing in_place(5);
  FakeSink sink;
  REQUIRE(download(in_place, sink, with_parallelism(1), bench.context));
  CHECK(sink.bytes == "abcdefghij");
}

TEST_CASE("A sink that cannot begin or commit fails the download and is aborted") {
  for (bool at_commit : {false, true}) {
    Bench bench;
    FakeSource source(1000, 100);
    FakeSink sink;
    (at_commit ? sink.commit_result : sink.begin_result) = make_error(Errc::kLocalIo, "disk full");
    auto summary = download(source, sink, with_parallelism(4), bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "disk full");
    CHECK(sink.aborted);
    CHECK_FALSE(sink.committed);
    CHECK((source.fetches == 0) == !at_commit);
  }
}
