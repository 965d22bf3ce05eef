// Downloads from sources of which any part can be fetched.
#include <array>
#include <thread>

#include "core/transfer/copy.h"
#include "core/transfer/segment_gate.h"
#include "tests/support/catch.h"
#include "tests/support/divisible_source.h"
#include "tests/support/fake_sink.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::DivisibleSource;
using test::FakeSink;
using test::pattern;
using test::Rendezvous;

namespace {

// Time that flies, so that patience is over soon.
class FastClock final : public Clock {
 public:
  Steady steady_now() const override { return begin_ + 50 * (system_clock().steady_now() - begin_); }
  Wall wall_now() const override { return system_clock().wall_now(); }

 private:
  const Steady begin_ = system_clock().steady_now();
};

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  FastClock clock;
  Context context{stop.get_token(), &budget, &counters};
};

CopyOptions with_parallelism(unsigned n) {
  CopyOptions options;
  options.parallelism = n;
  return options;
}

const std::string kObject = pattern(0, 20 << 20);

// Until stop, or until the fetch's range is taken away.
void wait_for_end(const Output& output, uint64_t offset, const Context& context) {
  while (output.end() > offset && !context.stop.stop_requested()) std::this_thread::yield();
}

}  // namespace

TEST_CASE("A divided download puts every byte in its place, whatever the sizes and the parallelism") {
  for (const unsigned parallelism : {1u, 3u, 16u}) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{300'000}, size_t{5'000'000}, kObject.size()}) {
      Bench bench;
      DivisibleSource source(kObject.substr(0, size));
      FakeSink sink;
      auto summary = download(source, sink, with_parallelism(parallelism), bench.context);
      INFO(size << " bytes, parallelism " << parallelism);
      REQUIRE(summary);
      CHECK(summary->bytes == size);
      CHECK(sink.bytes == kObject.substr(0, size));
      CHECK(sink.committed);
      CHECK(bench.counters.bytes_done == size);
      CHECK(bench.counters.bytes_total == size);
      CHECK(bench.counters.segments_active == 0);
      CHECK(bench.budget.held() == 0);
    }
  }
}

TEST_CASE("One connection fetches everything at once when no more are asked for") {
  Bench bench;
  DivisibleSource source(kObject);
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(1), bench.context);
  REQUIRE(summary);
  CHECK(summary->segments == 1);
  CHECK(source.asked() == std::vector<ByteRange>{{0, kObject.size()}});
}

TEST_CASE("As many fetches as asked for run at once, each with its share") {
  Bench bench;
  DivisibleSource source(kObject);
  Rendezvous all(10);
  std::array<std::atomic<bool>, 10> begun{};
  source.on_block = [&](size_t fetch, uint64_t, const Output&, const Context&) -> Status {
    if (fetch >= begun.size() || begun[fetch].exchange(true)) return {};
    return all.arrive() ? Status() : make_error(Errc::kInternal, "the others never came");
  };
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(10), bench.context);
  REQUIRE(summary);
  CHECK(sink.bytes == kObject);
}

TEST_CASE("A gate that lets more in divides what is left among them") {
  Bench bench;
  std::atomic<uint64_t> goodput{0};
  SegmentWindow::Options window;
  SegmentGate gate(window, goodput, nullptr, nullptr, nullptr, std::chrono::milliseconds(0));
  bench.context.gate = &gate;
  DivisibleSource source(kObject);
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(0), bench.context);
  REQUIRE(summary);
  CHECK(sink.bytes == kObject);
  CHECK(source.fetches >= gate.allowed());
  CHECK(gate.in_flight() == 0);
}

TEST_CASE("A fetch that falls silent loses its range to another, and the download goes on") {
  Bench bench;
  bench.context.clock = &bench.clock;
  DivisibleSource source(kObject);
  std::atomic<bool> silent{false};
  source.on_block = [&](size_t fetch, uint64_t offset, const Output& output, const Context& context) {
    if (fetch == 2 && offset > (5 << 20)) {
      silent = true;
      wait_for_end(output, offset, context);
    } else if (silent && fetch < 4) {
      std::this_thread::yield();
    }
    return Status();
  };
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE(summary);
  CHECK(silent);
  CHECK(sink.bytes == kObject);
  CHECK(bench.counters.bytes_done == kObject.size());
}

TEST_CASE("An error of one fetch ends a divided download") {
  Bench bench;
  DivisibleSource source(kObject);
  source.on_block = [](size_t, uint64_t offset, const Output&, const Context&) -> Status {
    if (offset > (12 << 20)) return make_error(Errc::kNetwork, "http://host/file: connection lost");
    return {};
  };
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "http://host/file: connection lost");
  CHECK(sink.aborted);
  CHECK_FALSE(sink.committed);
}

TEST_CASE("A fetch that ends well without all of its bytes is caught") {
  Bench bench;
  DivisibleSource source(kObject);
  source.ends_early = true;
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(1), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kInternal);
}

TEST_CASE("A stop ends a divided download whose fetches wait") {
  Bench bench;
  DivisibleSource source(kObject);
  Rendezvous stuck(3);
  source.on_block = [&](size_t, uint64_t, const Output&, const Context& context) -> Status {
    stuck.pass();
    while (!context.stop.stop_requested()) std::this_thread::yield();
    return make_error(Errc::kCancelled, "stopped");
  };
  std::thread user([&] {
    stuck.wait();
    bench.stop.request_stop();
  });
  FakeSink sink;
  auto summary = download(source, sink, with_parallelism(3), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(bench.budget.held() == 0);
}

TEST_CASE("A divided download fetches only what the sink does not have") {
  Bench bench;
  DivisibleSource source(kObject);
  FakeSink sink;
  sink.bytes = kObject;
  for (const ByteRange& range :
       std::vector<ByteRange>{{0, 3 << 20}, {4 << 20, 11 << 20}, {12 << 20, 12'900'000}}) {
    sink.there.add(range);
  }
  auto summary = download(source, sink, with_parallelism(4), bench.context);
  REQUIRE(summary);
  CHECK(summary->resumed == sink.there.bytes());
  CHECK(sink.bytes == kObject);
  CHECK(source.bytes_written >= kObject.size() - sink.there.bytes());
  CHECK(bench.counters.bytes_done == kObject.size() - sink.there.bytes());
}

TEST_CASE("A divided range is written from the start of the destination") {
  Bench bench;
  DivisibleSource source(kObject);
  FakeSink sink;
  CopyOptions options = with_parallelism(4);
  options.range = *RangeRequest::parse("1000000-8999999");
  REQUIRE(download(source, sink, options, bench.context));
  CHECK(sink.bytes == kObject.substr(1'000'000, 8'000'000));
}

TEST_CASE("An ordered destination gets parts in ascending order") {
  Bench bench;
  DivisibleSource source(kObject);
  FakeSink sink;
  sink.in_order = true;
  REQUIRE(download(source, sink, with_parallelism(1), bench.context));
  CHECK(sink.bytes == kObject);
  const auto asked = source.asked();
  CHECK(asked.size() > 10);
  for (size_t i = 1; i < asked.size(); ++i) CHECK(asked[i].begin == asked[i - 1].end);
}

TEST_CASE("An object of unknown size is one fetch into a sink that grows") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3'000'000}}) {
    Bench bench;
    DivisibleSource source(kObject.substr(0, size));
    source.sized = false;
    FakeSink sink;
    auto summary = download(source, sink, with_parallelism(8), bench.context);
    REQUIRE(summary);
    CHECK_FALSE(sink.sized);
    CHECK(sink.bytes == kObject.substr(0, size));
    CHECK(sink.committed);
    CHECK(source.fetches == 1);
    CHECK(summary->bytes == size);
    CHECK(bench.counters.bytes_done == size);
    CHECK(bench.counters.bytes_total == size);
  }
}
