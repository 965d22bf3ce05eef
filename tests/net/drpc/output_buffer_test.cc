#include "net/drpc/output_buffer.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <random>
#include <string>

namespace sjcp::drpc {

TEST_CASE("bytes leave an output buffer in the order in which they came, however they were put there") {
  std::mt19937_64 random(1);
  OutputBuffer buffer;
  std::string expected;
  char next = 0;
  for (int step = 0; step < 20'000; ++step) {
    // More is taken than comes, so that it is empty again and again; a few are larger than what it keeps.
    const size_t size = random() % 300 == 0 ? 200'000 : random() % 900;
    switch (random() % 4) {
      case 0: {
        std::string bytes(size, '\0');
        std::ranges::generate(bytes, [&] { return next++; });
        buffer.append(ByteView(bytes));
        expected += bytes;
        break;
      }
      case 1:
        for (uint8_t& byte : buffer.extend(size))
          expected.push_back(static_cast<char>(byte = static_cast<uint8_t>(next++)));
        break;
      default: {
        const size_t taken = std::min(size, buffer.size());
        buffer.consume(taken);
        expected.erase(0, taken);
      }
    }
    REQUIRE(buffer.size() == expected.size());
    REQUIRE(buffer.empty() == expected.empty());
    if (buffer.view().text() != expected) FAIL("after step " << step);
  }
}

TEST_CASE("what was reserved needs no second place") {
  OutputBuffer buffer;
  buffer.append(ByteView(std::string_view("head")));
  buffer.reserve(50'000);
  const uint8_t* before = buffer.view().data();
  buffer.extend(20'000);
  buffer.extend(30'000);
  CHECK(buffer.view().data() == before);
  CHECK(buffer.view().text().starts_with("head"));
}

}  // namespace sjcp::drpc
