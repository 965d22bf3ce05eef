#include "core/transfer/ordered_output.h"

#include <vector>

#include "core/transfer/fetch_whole.h"
#include "tests/support/catch.h"
#include "tests/support/fake_sink.h"
#include "tests/support/fake_source.h"

using namespace sjcp;
using namespace sjcp::transfer;
using sjcp::test::FakeSink;
using sjcp::test::FakeSource;
using sjcp::test::pattern;

namespace {

struct Stage {
  Stage() {
    context.stop = stop.get_token();
    context.counters = &counters;
    REQUIRE(sink.begin(100));
  }
  std::stop_source stop;
  Counters counters;
  Context context;
  FakeSink sink;
};

class Noting final : public OrderedOutput {
 public:
  using OrderedOutput::OrderedOutput;
  std::vector<ByteRange> seen;

 private:
  void written(const ByteRange& bytes) override { seen.push_back(bytes); }
};

}  // namespace

TEST_CASE("Bytes in order reach the sink where they belong, and count as done") {
  Stage stage;
  Noting output({150, 160}, 100, stage.sink, stage.context);
  REQUIRE(output.write(150, std::string_view("abcd")));
  CHECK_FALSE(output.complete());
  REQUIRE(output.write(154, std::string_view("efghij")));
  CHECK(output.complete());
  CHECK(stage.sink.bytes.substr(50, 10) == "abcdefghij");
  CHECK(stage.counters.bytes_done == 10);
  CHECK(output.seen == std::vector<ByteRange>{{150, 154}, {154, 160}});
}

TEST_CASE("Bytes that leave a gap, come twice or go beyond the end are refused") {
  Stage stage;
  Noting output({10, 20}, 0, stage.sink, stage.context);
  REQUIRE(output.write(10, std::string_view("abcd")));
  for (const auto& [offset, text] :
       {std::pair<uint64_t, std::string_view>{15, "f"}, {13, "d"}, {10, "abcd"}, {14, "efghijk"}}) {
    Status status = output.write(offset, text);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kInternal);
  }
  CHECK(stage.counters.bytes_done == 4);
  CHECK(output.write(14, std::string_view("efghij")));
}

TEST_CASE("What the sink refuses is not done") {
  Stage stage;
  stage.sink.on_write = [](uint64_t, ByteView) { return make_error(Errc::kLocalIo, "full"); };
  Noting output({0, 4}, 0, stage.sink, stage.context);
  CHECK(output.write(0, std::string_view("abcd")).error().code == Errc::kLocalIo);
  CHECK_FALSE(output.complete());
  CHECK(stage.counters.bytes_done == 0);
  CHECK(output.seen.empty());
}

TEST_CASE("Nothing is written once stopped") {
  Stage stage;
  stage.stop.request_stop();
  Noting output({0, 4}, 0, stage.sink, stage.context);
  CHECK(output.write(0, std::string_view("abcd")).error().code == Errc::kCancelled);
  CHECK(stage.counters.bytes_done == 0);
}

TEST_CASE("A small object is fetched whole, segment after segment, and must not end early") {
  Stage stage;
  FakeSource source(100, 30);
  auto info = source.open(*RangeRequest::parse("20-"), stage.context);
  REQUIRE(info);
  source.drop_last_byte = GENERATE(false, true);
  auto summary = fetch_whole(source, *info, stage.sink, stage.context);
  CHECK(summary.has_value() == !source.drop_last_byte);
  if (!summary) return;
  CHECK(summary->bytes == 80);
  CHECK(summary->segments == 4);
  CHECK(stage.sink.bytes.substr(0, 80) == pattern(20, 100));
  CHECK(stage.counters.bytes_total == 80);
  CHECK(stage.counters.bytes_done == 80);
}
