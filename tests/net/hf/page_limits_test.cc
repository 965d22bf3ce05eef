#include "net/hf/page_limits.h"

#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;
using namespace std::chrono_literals;

namespace {

std::string page(size_t number) {
  return "https://hub.example/tree?cursor=" + std::to_string(number);
}

}  // namespace

TEST_CASE("A listing of many pages goes on, one that comes back to a page ends") {
  PageLimits limits("hf://o/m", page(0));
  for (size_t i = 1; i < 10'000; ++i) REQUIRE(limits.another(page(i), 1000, 100ms));
  for (const size_t before : {0, 1, 5'000}) {
    PageLimits copy = limits;
    const Status status = copy.another(page(before), 1000, 100ms);
    REQUIRE(!status);
    CHECK(status.error().code == Errc::kProtocol);
    CHECK(status.error().what.find("hf://o/m: the hub's listing does not end: a page leads back") == 0);
  }
}

TEST_CASE("A few pages may be empty, but not all that follow") {
  PageLimits limits("x", page(0));
  size_t number = 1;
  for (size_t i = 0; i < PageLimits::kMostEmpty; ++i) REQUIRE(limits.another(page(number++), 0, 1ms));
  REQUIRE(limits.another(page(number++), 1, 1ms));
  for (size_t i = 0; i < PageLimits::kMostEmpty; ++i) REQUIRE(limits.another(page(number++), 0, 1ms));
  CHECK(limits.another(page(number), 0, 1ms).error().what.find("empty") != std::string::npos);
}

TEST_CASE("More pages than any repository has, or an hour of waiting, are enough") {
  PageLimits many("x", page(0));
  Status status;
  size_t pages = 0;
  while (status && pages < 2 * PageLimits::kMostPages) status = many.another(page(++pages), 1, 0ms);
  CHECK(pages == PageLimits::kMostPages);
  PageLimits slow("x", page(0));
  for (size_t i = 1; i <= 120; ++i) REQUIRE(slow.another(page(i), 1, 30s));
  CHECK(slow.another(page(121), 1, 1s).error().what.find("an hour") != std::string::npos);
}
