#include "net/http/range_writer.h"
#include "tests/support/catch.h"

#include <vector>

using namespace sjcp;
using namespace sjcp::http;

namespace {

class Recorder final : public transfer::Output {
 public:
  Status write(uint64_t offset, ByteView data) override {
    if (fail) return make_error(Errc::kLocalIo, "full");
    writes.emplace_back(offset, data.size());
    text.resize(std::max<size_t>(text.size(), offset + data.size()), '.');
    std::copy(data.begin(), data.end(), text.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  uint64_t end() const override { return limit; }

  std::vector<std::pair<uint64_t, size_t>> writes;
  std::string text;
  uint64_t limit = UINT64_MAX;
  bool fail = false;
};

constexpr uint64_t kUnit = RangeWriter::kUnit;

}  // namespace

TEST_CASE("small pieces become writes that end at multiples of their unit") {
  Recorder out;
  RangeWriter writer(out, {kUnit - 100, 2 * kUnit + 50});
  std::string piece(1000, 'x');
  uint64_t sent = 0;
  while (!writer.enough()) {
    REQUIRE(writer.take(piece));
    sent += piece.size();
  }
  REQUIRE(writer.flush());
  CHECK(out.writes ==
        std::vector<std::pair<uint64_t, size_t>>{{kUnit - 100, 100}, {kUnit, kUnit}, {2 * kUnit, 50}});
  CHECK(writer.position() == 2 * kUnit + 50);
}

TEST_CASE("what comes beyond the range is left out") {
  Recorder out;
  RangeWriter writer(out, {0, 3});
  REQUIRE(writer.take(std::string_view("abcdef")));
  CHECK(out.text == "abc");
  CHECK(writer.enough());
  REQUIRE(writer.take(std::string_view("ghi")));
  CHECK(out.text == "abc");
}

TEST_CASE("an end that falls cuts what is held") {
  Recorder out;
  RangeWriter writer(out, {0, 100});
  REQUIRE(writer.take(std::string_view("abcdef")));
  CHECK_FALSE(writer.enough());
  out.limit = 4;
  CHECK(writer.enough());
  REQUIRE(writer.flush());
  CHECK(out.text == "abcd");
}

TEST_CASE("held bytes are written after a while") {
  Recorder out;
  RangeWriter writer(out, {0, UINT64_MAX});
  REQUIRE(writer.take(std::string_view("abc")));
  const auto now = std::chrono::steady_clock::now();
  REQUIRE(writer.tick(now));
  CHECK(out.text.empty());
  REQUIRE(writer.tick(now + std::chrono::seconds(1)));
  CHECK(out.text == "abc");
  REQUIRE(writer.take(std::string_view("d")));
  REQUIRE(writer.flush());
  CHECK(out.text == "abcd");
}

TEST_CASE("an error of the output comes back, and nothing is passed over") {
  Recorder out;
  out.fail = true;
  RangeWriter writer(out, {0, 10});
  REQUIRE(writer.take(std::string_view("abc")));
  CHECK(writer.flush().error().code == Errc::kLocalIo);
  out.fail = false;
  REQUIRE(writer.take(std::string_view("defghij")));
  CHECK(out.text == "abcdefghij");
}
