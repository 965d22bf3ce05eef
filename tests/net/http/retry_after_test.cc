#include "net/http/retry_after.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;
using std::chrono::seconds;

TEST_CASE("A date that the clock cannot count is the nearest that it can") {
  const auto early = parse_date("Sun, 06 Nov 0994 08:49:37 GMT");
  const auto late = parse_date("Fri, 31 Dec 9999 23:59:59 GMT");
  REQUIRE((early && late));
  CHECK(*early < Clock::Wall());
  CHECK(*late > Clock::Wall(std::chrono::hours(24 * 365 * 200)));
  CHECK(*late - *early > seconds(0));
}

TEST_CASE("Retry-After is seconds or a date") {
  const Clock::Wall now{seconds(784111777)};  // Sun, 06 Nov 1994 08:49:37 GMT
  CHECK(retry_after("120", now) == seconds(120));
  CHECK(retry_after("0", now) == seconds(0));
  CHECK(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now) == seconds(60));
  CHECK(retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now) == seconds(60));
  CHECK(retry_after("Sun Nov  6 08:50:37 1994", now) == seconds(60));
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now) == seconds(0));
  CHECK(retry_after("99999999999999999999999", now) == seconds(1'000'000));
  for (const char* value : {"", "-5", "1.5", "soon", "Sun, 06 Nov 1994 08:50:37 PST", "5 s"}) {
    INFO(value);
    CHECK_FALSE(retry_after(value, now));
  }
}
