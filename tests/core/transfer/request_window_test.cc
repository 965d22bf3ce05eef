#include "core/transfer/request_window.h"
#include "tests/support/catch.h"

using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

constexpr RequestWindow::Time kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("There is no limit until a request is refused, and then half of what was on its way") {
  RequestWindow window;
  CHECK_FALSE(window.succeeded(kStart));
  CHECK_FALSE(window.limit());
  CHECK(window.refused(kStart, kStart + 1s, 64));
  CHECK(window.limit() == 32u);
}

TEST_CASE("Refusals of what was sent before the last change change nothing") {
  RequestWindow window;
  window.refused(kStart, kStart + 1s, 64);
  CHECK_FALSE(window.refused(kStart + 500ms, kStart + 1100ms, 63));
  CHECK(window.limit() == 32u);
  CHECK(window.refused(kStart + 1s, kStart + 1200ms, 32));
  CHECK(window.limit() == 16u);
}

TEST_CASE("At least one request may go") {
  RequestWindow window;
  for (int i = 0; i < 5; ++i) window.refused(kStart + i * 1s, kStart + i * 1s, 4);
  CHECK(window.limit() == 1u);
}

TEST_CASE("A service that refuses fewer than were allowed gets half of the fewer") {
  RequestWindow window;
  window.refused(kStart, kStart, 64);
  window.refused(kStart + 1s, kStart + 1s, 4);
  CHECK(window.limit() == 2u);
}

TEST_CASE(
    "Each round of successes allows one more, and a quiet while after the former number there is no limit") {
  RequestWindow window;
  window.refused(kStart, kStart, 4);
  REQUIRE(window.limit() == 2u);
  CHECK_FALSE(window.succeeded(kStart + 1s));
  CHECK(window.succeeded(kStart + 1s));
  CHECK(window.limit() == 3u);
  for (int i = 0; i < 3; ++i) window.succeeded(kStart + 2s);
  CHECK(window.limit() == 4u);
  for (int i = 0; i < 40; ++i) CHECK_FALSE(window.succeeded(kStart + 29s));
  for (int i = 0; i < 4; ++i) window.succeeded(kStart + 30s);
  CHECK_FALSE(window.limit());
}
