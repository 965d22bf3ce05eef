#include "core/transfer/tail_watch.h"

#include <catch2/catch.hpp>

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

class HandClock final : public Clock {
 public:
  Steady now{};
  Steady steady_now() const override { return now; }
  Wall wall_now() const override { return {}; }
};

}  // namespace

TEST_CASE("The last hundredth counts from the byte that leaves no more than it") {
  HandClock clock;
  TailWatch tail(1000, clock);
  clock.now += 5s;
  tail.add(989);
  clock.now += 1s;
  tail.add(1);
  clock.now += 3s;
  tail.add(9);
  clock.now += 500ms;
  tail.add(1);
  CHECK(tail.elapsed() == 3500ms);
}

TEST_CASE("A transfer that is done in one step has no time for a tail") {
  HandClock clock;
  TailWatch tail(10, clock);
  clock.now += 5s;
  tail.add(10);
  CHECK(tail.elapsed() == 0s);
}
