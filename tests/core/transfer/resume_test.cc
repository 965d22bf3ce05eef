// Downloads into a sink that has a part of the bytes already.

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_sink.h"
#include "tests/support/fake_source.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::FakeSink;
using test::FakeSource;
using test::pattern;

namespace {

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

// A sink that holds these ranges of the part of the object that begins at `base`, and rubbish elsewhere.
void fill(FakeSink& sink, uint64_t base, uint64_t size, const std::vector<ByteRange>& ranges) {
  sink.bytes.assign(size, '?');
  for (const ByteRange& range : ranges) {
    sink.there.add(range);
    sink.bytes.replace(range.begin, range.size(), pattern(base + range.begin, base + range.end));
  }
}

}  // namespace

TEST_CASE("A download fetches only what the sink does not have, also inside a segment") {
  for (unsigned parallelism : {1u, 4u}) {
    Bench bench;
    FakeSource source(1000, 100);
    source.version = "v1";
    FakeSink sink;
    fill(sink, 0, 1000, {{0, 230}, {250, 260}, {299, 500}, {990, 1000}});
    CopyOptions options;
    options.parallelism = parallelism;
    auto summary = download(source, sink, options, bench.context);
    REQUIRE(summary);
    CHECK(sink.bytes == pattern(0, 1000));
    CHECK(sink.committed);
    CHECK(source.bytes_written == 1000 - 451);
    CHECK(summary->bytes == 1000);
    CHECK(summary->resumed == 451);
    CHECK(bench.counters.bytes_done == 1000 - 451);
    CHECK(bench.counters.bytes_total == 1000);
    CHECK(bench.counters.bytes_resumed == 451);
    CHECK(sink.content == Content{"sj://bucket/key", "v1", 1000, {0, 1000}});
  }
}

TEST_CASE("A range is resumed in offsets of the destination") {
  Bench bench;
  FakeSource source(1000, 100);
  FakeSink sink;
  fill(sink, 150, 300, {{0, 75}, {280, 290}});
  CopyOptions options;
  options.range = *RangeRequest::parse("bytes=150-449");
  REQUIRE(download(source, sink, options, bench.context));
  CHECK(sink.bytes == pattern(150, 450));
  CHECK(source.bytes_written == 300 - 85);
  CHECK(sink.content.range == ByteRange{150, 450});
}

TEST_CASE("A sink that has everything is committed without a fetch") {
  Bench bench;
  FakeSource source(500, 100);
  FakeSink sink;
  fill(sink, 0, 500, {{0, 500}});
  REQUIRE(download(source, sink, {}, bench.context));
  CHECK(source.fetches == 0);
  CHECK(sink.committed);
}

TEST_CASE("A sink that refuses to resume ends the download before a fetch") {
  Bench bench;
  FakeSource source(500, 100);
  FakeSink sink;
  sink.begin_result = make_error(Errc::kConflict, "changed");
  auto summary = download(source, sink, {}, bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kConflict);
  CHECK(source.fetches == 0);
  CHECK(sink.aborted);
}

TEST_CASE("A failed download says whether the same command goes on from there") {
  for (const uint64_t keep : {uint64_t{0}, uint64_t{2048}}) {
    Bench bench;
    FakeSource source(500, 100);
    source.before_fetch = [](const Segment&, const Context&) -> Status {
      return make_error(Errc::kNetwork, "lost");
    };
    FakeSink sink;
    sink.keep = keep;
    auto summary = download(source, sink, {}, bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().code == Errc::kNetwork);
    CHECK((summary.error().what == "lost") == (keep == 0));
    CHECK((summary.error().what.find("2.00 KiB are kept: the same command goes on") != std::string::npos) ==
          (keep > 0));
  }
}

TEST_CASE("A download that is not wanted leaves the destination alone") {
  Bench bench;
  FakeSource source(500, 100);
  FakeSink sink;
  CopyOptions options;
  options.skip = [](const ObjectInfo& info) { return info.size == 500; };
  auto summary = download(source, sink, options, bench.context);
  REQUIRE(summary);
  CHECK(summary->skipped);
  CHECK_FALSE(sink.begun);
  CHECK_FALSE(sink.aborted);
  CHECK(source.fetches == 0);
  CHECK(bench.counters.bytes_total == 0);
  CHECK(bench.budget.held() == 0);
}
