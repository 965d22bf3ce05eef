#include "core/base/byte_record.h"

#include "core/base/crc32c.h"
#include "tests/support/catch.h"

using namespace sjcp;

namespace {

constexpr RecordKind kKind{"testkind", 3};

std::string sample() {
  RecordWriter out(kKind);
  out.number(0);
  out.text(std::string_view("\0 any bytes", 11));
  out.number(UINT64_MAX);
  out.text("");
  return std::move(out).finish();
}

}  // namespace

TEST_CASE("CRC-32C agrees with its published check values") {
  CHECK(crc32c(std::string_view()) == 0);
  CHECK(crc32c(std::string_view("123456789")) == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
}

TEST_CASE("A record gives back what was written, in order") {
  const std::string bytes = sample();
  RecordReader in(kKind, bytes);
  REQUIRE(in.good());
  CHECK(in.number() == 0);
  CHECK(in.text() == std::string_view("\0 any bytes", 11));
  CHECK(in.number() == UINT64_MAX);
  CHECK_FALSE(in.complete());
  CHECK(in.text().empty());
  CHECK(in.complete());
  CHECK(in.number() == 0);
  CHECK_FALSE(in.good());
}

TEST_CASE("A record of another kind or version, cut short, extended or damaged is refused") {
  const std::string bytes = sample();
  CHECK_FALSE(RecordReader({"otherknd", 3}, bytes).good());
  CHECK_FALSE(RecordReader({"testkind", 4}, bytes).good());
  CHECK_FALSE(RecordReader(kKind, bytes + "x").good());
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(RecordReader(kKind, bytes.substr(0, size)).good());
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CHECK_FALSE(RecordReader(kKind, damaged).good());
    }
  }
}

TEST_CASE("A text that claims more bytes than there are ends the reading") {
  RecordWriter out(kKind);
  out.number(1000);
  const std::string bytes = std::move(out).finish();
  RecordReader in(kKind, bytes);
  CHECK(in.text().empty());
  CHECK_FALSE(in.good());
}
