#include "core/transfer/throttle.h"

#include "core/base/units.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

using Steady = Clock::Steady;
const Steady kStart = Steady() + 1000s;

// Everything that a greedy reader of 16 KiB at a time gets until `end`, asking whenever next() says.
uint64_t drained(Throttle& throttle, Steady begin, Steady end) {
  uint64_t total = 0;
  for (Steady now = begin; now <= end;) {
    while (size_t granted = throttle.allow(16384, now)) total += granted;
    const Steady next = throttle.next(now);
    REQUIRE(next > now);
    now = next;
  }
  return total;
}

}  // namespace

TEST_CASE("Without a limit everything may move at once") {
  Throttle throttle;
  CHECK(throttle.allow(1 << 30, kStart) == 1 << 30);
  CHECK(throttle.next(kStart) == kStart);
}

TEST_CASE("A limited throttle starts empty and grants at the exact moment that next() names") {
  Throttle throttle(1'000'000);
  CHECK(throttle.allow(16384, kStart) == 0);
  // 5 ms of a megabyte per second are granted at once.
  const Steady next = throttle.next(kStart);
  CHECK(next == kStart + 5ms);
  CHECK(throttle.allow(16384, next - 1ns) == 0);
  CHECK(throttle.allow(16384, next) == 5000);
  CHECK(throttle.allow(1, next) == 0);
  CHECK(throttle.next(next) == next + 5ms);
}

TEST_CASE("A burst is never longer than 50 ms, however long nothing was asked for") {
  for (uint64_t rate : {uint64_t{100'000}, uint64_t{12'500'000}, uint64_t{5'000'000'000}, UINT64_MAX}) {
    Throttle throttle(rate);
    throttle.allow(1, kStart);
    size_t burst = throttle.allow(SIZE_MAX, kStart + 1h);
    CHECK(burst == throttle.rate() / 20);
    CHECK(throttle.allow(SIZE_MAX, kStart + 1h) == 0);
  }
}

TEST_CASE("A reader that follows next() gets the rate, to the grant") {
  for (uint64_t rate : {uint64_t{1000}, uint64_t{50'000}, uint64_t{1'000'000}, uint64_t{33'333'333},
                        uint64_t{1'250'000'000}}) {
    Throttle throttle(rate);
    throttle.allow(1, kStart);
    const uint64_t total = drained(throttle, kStart, kStart + 10s);
    INFO(rate);
    CHECK(total <= 10 * rate);
    CHECK(total + std::max<uint64_t>(rate / 20, 16384) >= 10 * rate);
  }
}

TEST_CASE("Fewer bytes than a usual grant are granted as soon as they are there") {
  Throttle throttle(1'000'000);
  throttle.allow(1, kStart);
  CHECK(throttle.allow(100, kStart + 99us) == 0);
  CHECK(throttle.allow(100, kStart + 100us) == 100);
}

TEST_CASE("What was allowed and did not move may move later") {
  Throttle throttle(1'000'000);
  throttle.allow(1, kStart);
  REQUIRE(throttle.allow(16384, kStart + 10ms) == 10'000);
  throttle.give_back(7'000);
  CHECK(throttle.allow(16384, kStart + 10ms) == 7'000);
  // It never adds up to more than a burst.
  throttle.give_back(1'000'000);
  CHECK(throttle.allow(SIZE_MAX, kStart + 10ms) == 50'000);
}

TEST_CASE("A new rate holds from its moment on") {
  Throttle throttle(1'000'000);
  throttle.allow(1, kStart);
  CHECK(throttle.allow(SIZE_MAX, kStart + 20ms) == 20'000);
  throttle.set_rate(10'000'000, kStart + 30ms);
  // 10 ms at the old rate, 10 ms at the new one.
  CHECK(throttle.allow(SIZE_MAX, kStart + 40ms) == 110'000);
  // A smaller rate has a smaller bucket.
  throttle.set_rate(100'000, kStart + 1h);
  CHECK(throttle.allow(SIZE_MAX, kStart + 1h) == 5'000);
  CHECK(throttle.next(kStart + 1h) == kStart + 1h + 5120us);
  throttle.set_rate(Throttle::kNoLimit, kStart + 2h);
  CHECK(throttle.allow(1 << 30, kStart + 2h) == 1 << 30);
  // A limit after none begins with an empty bucket.
  throttle.set_rate(1'000'000, kStart + 3h);
  CHECK(throttle.allow(16384, kStart + 3h) == 0);
  CHECK(throttle.next(kStart + 3h) == kStart + 3h + 5ms);
}

TEST_CASE("Time that goes back grants nothing twice") {
  Throttle throttle(1'000'000);
  throttle.allow(1, kStart);
  CHECK(throttle.allow(16384, kStart + 10ms) == 10'000);
  CHECK(throttle.allow(16384, kStart) == 0);
  CHECK(throttle.allow(16384, kStart + 10ms) == 0);
  CHECK(throttle.allow(16384, kStart + 20ms) == 10'000);
}
