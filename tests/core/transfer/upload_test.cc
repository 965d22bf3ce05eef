#include <thread>

#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::FakeReader;
using test::FakeWriter;
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

std::string joined(const FakeWriter& writer) {
  std::string all;
  for (const auto& [index, segment] : writer.stored) all += segment.bytes;
  return all;
}

// Segments are numbered from 0 without gaps, all full but the last, which alone is marked.
void check_segments(const FakeWriter& writer, uint64_t size) {
  const uint64_t unit = writer.segment_size();
  const uint64_t expected = size == 0 ? 1 : (size + unit - 1) / unit;
  REQUIRE(writer.stored.size() == expected);
  uint64_t index = 0;
  for (const auto& [number, segment] : writer.stored) {
    CHECK(number == index);
    ++index;
    CHECK(segment.last == (index == expected));
    if (!segment.last) CHECK(segment.bytes.size() == unit);
  }
}

}  // namespace

TEST_CASE("An upload cuts any input into full segments and one last, without an empty tail") {
  for (bool known_size : {true, false}) {
    for (unsigned parallelism : {1u, 4u}) {
      for (uint64_t size : {0u, 1u, 99u, 100u, 101u, 200u, 201u, 1000u}) {
        INFO(size << " bytes, parallelism " << parallelism << ", size known " << known_size);
        Bench bench;
        FakeReader reader(pattern(0, size));
        reader.known_size = known_size;
        FakeWriter writer(100);
        auto summary = upload(reader, writer, with_parallelism(parallelism), bench.context);
        REQUIRE(summary);
        check_segments(writer, size);
        CHECK(joined(writer) == pattern(0, size));
        CHECK(summary->bytes == size);
        CHECK(summary->segments == writer.stored.size());
        CHECK(writer.committed);
        CHECK_FALSE(writer.aborted);
        CHECK(bench.counters.bytes_total == size);
        CHECK(bench.counters.bytes_done == size);
        CHECK(bench.counters.segments_active == 0);
        CHECK(bench.budget.held() == 0);
      }
    }
  }
}

TEST_CASE("Segments whose size is no multiple of the read size are cut right, around 1 MiB") {
  for (uint64_t size : {kMiB - 1, kMiB, kMiB + 1, 2 * kMiB, 2 * kMiB + 77}) {
    Bench bench;
    FakeReader reader(pattern(0, size));
    FakeWriter writer(700001);
    REQUIRE(upload(reader, writer, with_parallelism(2), bench.context));
    check_segments(writer, size);
    CHECK(joined(writer) == pattern(0, size));
  }
}

TEST_CASE("A small file takes no thread of its own on its way up") {
  Bench bench;
  const auto caller = std::this_thread::get_id();
  std::thread::id worker;
  const bool large = GENERATE(false, true);
  FakeReader reader(pattern(0, large ? kMiB : 1000));
  FakeWriter writer(2 * kMiB);
  writer.on_finish = [&](uint64_t, const Context&) -> Status {
    worker = std::this_thread::get_id();
    return {};
  };
  REQUIRE(upload(reader, writer, with_parallelism(0), bench.context));
  CHECK((worker == caller) == !large);
}

TEST_CASE("Segments of what can be read anywhere stay where they are until they are sent") {
  Bench bench;
  const uint64_t size = 3 * kMiB + GENERATE(0, 5);
  FakeReader reader(pattern(0, size));
  reader.can_anywhere = true;
  reader.error = make_error(Errc::kLocalIo, "is not read from front to back");
  FakeWriter writer(kMiB);
  writer.memory = 100 * kMiB;
  writer.part_memory = 100;
  std::atomic<uint64_t> most{0};
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    most = std::max(most.load(), context.budget->held());
    return {};
  };
  const unsigned parallelism = GENERATE(1U, 4U);
  SECTION("all of them") {
    auto summary = upload(reader, writer, with_parallelism(parallelism), bench.context);
    REQUIRE(summary);
    check_segments(writer, size);
    CHECK(joined(writer) == pattern(0, size));
    CHECK(summary->bytes == size);
    CHECK(bench.counters.bytes_done == size);
    CHECK(most > 0);
    CHECK(most <= 400);
    uint64_t next = 0;
    for (const auto& [offset, count] : reader.expected) {
      CHECK(offset == next);
      next += count;
    }
    CHECK(next == size);
  }
  SECTION("a source that changed is told before what the service makes of it") {
    reader.on_unchanged = [] { return make_error(Errc::kConflict, "changed"); };
    const bool damaged = GENERATE(true, false);
    if (damaged) {
      writer.on_finish = [](uint64_t, const Context&) -> Status {
        return make_error(Errc::kIntegrity, "did not arrive as it was sent");
      };
    }
    auto summary = upload(reader, writer, with_parallelism(parallelism), bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "changed");
    CHECK_FALSE(writer.committed);
    CHECK(writer.aborted);
  }
}

TEST_CASE("As many segments as asked for are sent at once") {
  Bench bench;
  constexpr unsigned kParallelism = 8;
  FakeReader reader(pattern(0, 800));
  FakeWriter writer(100);
  Rendezvous all(kParallelism);
  std::atomic<int64_t> active{0};
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    if (!all.arrive()) return make_error(Errc::kInternal, "the others never came");
    active = std::max(active.load(), context.counters->segments_active.load());
    return {};
  };
  REQUIRE(upload(reader, writer, with_parallelism(kParallelism), bench.context));
  CHECK(active > 0);
  CHECK(active <= kParallelism);
}

TEST_CASE("The memory budget bounds the segments being filled and sent") {
  Bench bench;
  MemoryBudget small(250);
  bench.context.budget = &small;
  FakeReader reader(pattern(0, 5000));
  FakeWriter writer(100);
  writer.memory = 100;
  std::atomic<int> sending{0};
  std::atomic<int> most{0};
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    const int now = ++sending;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    const bool within = context.budget->held() <= 250;
    --sending;
    return within ? Status() : make_error(Errc::kInternal, "over budget");
  };
  REQUIRE(upload(reader, writer, with_parallelism(8), bench.context));
  CHECK(most <= 2);
  CHECK(small.held() == 0);
}

TEST_CASE("A budget smaller than one segment still lets an upload through") {
  Bench bench;
  MemoryBudget tiny(1);
  bench.context.budget = &tiny;
  FakeReader reader(pattern(0, 500));
  FakeWriter writer(100);
  writer.memory = 100;
  REQUIRE(upload(reader, writer, with_parallelism(8), bench.context));
  check_segments(writer, 500);
}

TEST_CASE("A segment that cannot be stored stops the upload, which is aborted and never committed") {
  Bench bench;
  FakeReader reader(pattern(0, 10000));
  FakeWriter writer(100);
  writer.on_finish = [&](uint64_t index, const Context&) -> Status {
    if (index == 3) return make_error(Errc::kLimited, "quota reached");
    return {};
  };
  auto summary = upload(reader, writer, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "quota reached");
  CHECK(writer.aborted);
  CHECK_FALSE(writer.committed);
  CHECK(bench.budget.held() == 0);
  CHECK(bench.counters.segments_active == 0);
}

TEST_CASE("A failed segment ends an upload whose input has gone silent") {
  Bench bench;
  FakeReader reader(pattern(0, 8 * kMiB));
  reader.known_size = false;
  reader.silent_from = 2 * kMiB;
  FakeWriter writer(kMiB);
  Rendezvous silent(1);
  reader.on_wait = [&] { silent.pass(); };
  writer.on_finish = [&](uint64_t, const Context&) -> Status {
    if (!silent.wait()) return make_error(Errc::kInternal, "the input never went silent");
    return make_error(Errc::kNetwork, "connection lost");
  };
  auto summary = upload(reader, writer, with_parallelism(2), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "connection lost");
  CHECK(writer.aborted);
}

TEST_CASE("A stop ends an upload whose input has gone silent, as cancelled") {
  Bench bench;
  FakeReader reader(pattern(0, 8 * kMiB));
  reader.known_size = false;
  reader.silent_from = 2 * kMiB;
  FakeWriter writer(16 * kMiB);
  Rendezvous silent(1);
  reader.on_wait = [&] { silent.pass(); };
  std::thread user([&] {
    silent.wait();
    bench.stop.request_stop();
  });
  auto summary = upload(reader, writer, with_parallelism(4), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(writer.aborted);
  CHECK_FALSE(writer.committed);
}

TEST_CASE("An upload fails and is aborted whichever step fails") {
  const Error error = make_error(Errc::kDenied, "not allowed");
  for (int step = 0; step < 4; ++step) {
    INFO("step " << step);
    Bench bench;
    FakeReader reader(pattern(0, 1000));
    FakeWriter writer(100);
    if (step == 0) reader.error = error;
    if (step == 1) writer.begin_error = error;
    if (step == 2) writer.append_error = error;
    if (step == 3) writer.commit_result = error;
    auto summary = upload(reader, writer, with_parallelism(4), bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "not allowed");
    CHECK(writer.aborted);
    CHECK_FALSE(writer.committed);
    CHECK(bench.budget.held() == 0);
  }
}
