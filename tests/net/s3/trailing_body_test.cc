#include "net/s3/trailing_body.h"

#include "core/base/crc32c.h"
#include "net/s3/requester.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"

namespace sjcp::s3 {
namespace {

// All of it, at most so many bytes at a time.
std::string read_all(TrailingBody& body, size_t at_once) {
  std::string out;
  std::string piece(at_once, '\0');
  for (;;) {
    auto count = body.read({reinterpret_cast<uint8_t*>(piece.data()), piece.size()});
    REQUIRE(count);
    if (*count == 0) return out;
    out.append(piece, 0, *count);
  }
}

TEST_CASE("A body is followed by its checksum, in chunks of a mebibyte") {
  const std::string check = "123456789";
  MemoryBody small{ByteView(check)};
  TrailingBody body(small);
  const std::string whole = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n";
  const size_t at_once = GENERATE(1, 2, 7, 1000);
  CHECK(read_all(body, at_once) == whole);
  CHECK(body.size() == whole.size());
  CHECK(body.data_size() == 9);
  CHECK(body.checksum() == "4waSgw==");
}

constexpr uint64_t kChunk = TrailingBody::kChunk;

TEST_CASE("The size that a body announces is what it sends") {
  const uint64_t size =
      GENERATE(uint64_t{0}, 1, 15, 16, kChunk - 1, kChunk, kChunk + 1, 3 * kChunk, 3 * kChunk + 4096);
  const std::string data = test::pattern(0, size);
  MemoryBody plain{ByteView(data)};
  TrailingBody body(plain);
  const std::string sent = read_all(body, 100'000);
  CHECK(body.size() == sent.size());
  if (size > kChunk) CHECK(sent.substr(8 + kChunk, 4) == (size == kChunk + 1 ? "\r\n1\r" : "\r\n10"));
  // Sent again it is the same, also when it broke off.
  for (const bool whole : {true, false}) {
    CAPTURE(whole);
    REQUIRE(body.rewind());
    std::string begun(sent.size() / 2, '\0');
    if (!whole) REQUIRE(body.read({reinterpret_cast<uint8_t*>(begun.data()), begun.size()}));
    REQUIRE(body.rewind());
    CHECK(read_all(body, 1 << 20) == sent);
  }
}

}  // namespace
}  // namespace sjcp::s3
