#include "core/flow/outages.h"

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace sjcp::flow;
using std::chrono::seconds;

TEST_CASE("one line for a service that is away, however many wait, and another the next time") {
  test::HandClock clock;
  Outages outages;
  const auto until = clock.steady_now() + seconds(60);
  CHECK(outages.begins("a", clock.steady_now(), until));
  CHECK_FALSE(outages.begins("a", clock.steady_now(), until + seconds(5)));
  CHECK(outages.begins("b", clock.steady_now(), until));
  outages.ends("a");
  CHECK(outages.begins("a", clock.steady_now(), until));
  CHECK_FALSE(outages.begins("b", clock.steady_now(), until));
  clock.advance(seconds(61));
  CHECK(outages.begins("b", clock.steady_now(), until + seconds(60)));
}

TEST_CASE("periods are written with two units at most") {
  CHECK(period_text(seconds(0)) == "0 s");
  CHECK(period_text(seconds(119)) == "119 s");
  CHECK(period_text(seconds(120)) == "2 min");
  CHECK(period_text(seconds(3599)) == "59 min 59 s");
  CHECK(period_text(seconds(3600)) == "1 h");
  CHECK(period_text(seconds(3900)) == "1 h 5 min");
  CHECK(period_text(seconds(90'000)) == "1 d 1 h");
}
