#include "net/http/pipe.h"
#include "tests/support/catch.h"

#include <thread>

using namespace sjcp;
using namespace sjcp::http;

TEST_CASE("what is written to a pipe comes out in order, more than it holds") {
  Pipe pipe(std::nullopt);
  const size_t total = 3 * Pipe::kCapacity + 12345;
  std::jthread writer([&] {
    Bytes chunk(100'001);
    size_t sent = 0;
    while (sent < total) {
      const size_t count = std::min(chunk.size(), total - sent);
      for (size_t i = 0; i < count; ++i) chunk[i] = static_cast<uint8_t>((sent + i) * 31 >> 8);
      pipe.write(ByteView(chunk).sub(0, count));
      sent += count;
    }
    pipe.finish();
  });
  Bytes out(77'777);
  size_t seen = 0;
  bool same = true;
  for (;;) {
    const auto got = pipe.read(out);
    REQUIRE(got);
    if (*got == 0) break;
    for (size_t i = 0; i < *got; ++i) same = same && out[i] == static_cast<uint8_t>((seen + i) * 31 >> 8);
    seen += *got;
  }
  CHECK(same);
  CHECK(seen == total);
}

TEST_CASE("a pipe goes back to its beginning while it holds all that was written") {
  Pipe pipe(std::nullopt);
  CHECK_FALSE(pipe.size());
  REQUIRE(pipe.write(std::string(Pipe::kCapacity, 'a')));
  Bytes out(10);
  REQUIRE(pipe.read(out));
  CHECK(pipe.rewind());
  Bytes all(Pipe::kCapacity);
  const auto got = pipe.read(all);
  REQUIRE(got);
  CHECK(*got == Pipe::kCapacity);
  CHECK(pipe.rewind());
  REQUIRE(pipe.read(out));
  REQUIRE(pipe.write(std::string_view("b")));
  CHECK_FALSE(pipe.rewind());
}

TEST_CASE("a closed pipe takes nothing, a failed one gives its error") {
  Pipe pipe(std::nullopt);
  pipe.fail(make_error(Errc::kCancelled, "stopped"));
  Bytes out(1);
  CHECK(pipe.read(out).error().code == Errc::kCancelled);
  pipe.close();
  CHECK_FALSE(pipe.write(std::string_view("x")));
}
