#include "core/transfer/tail_watch.h"

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {}  // namespace

TEST_CASE("The last hundredth counts from the byte that leaves no more than it") {
  test::HandClock clock;
  TailWatch tail(1000, clock);
  clock.advance(5s);
  tail.add(989);
  clock.advance(1s);
  tail.add(1);
  clock.advance(3s);
  tail.add(9);
  clock.advance(500ms);
  tail.add(1);
  CHECK(tail.elapsed() == 3500ms);
}

TEST_CASE("A transfer that is done in one step has no time for a tail") {
  test::HandClock clock;
  TailWatch tail(10, clock);
  clock.advance(5s);
  tail.add(10);
  CHECK(tail.elapsed() == 0s);
}
