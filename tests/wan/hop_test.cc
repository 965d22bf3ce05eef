#include "tests/wan/hop.h"
#include "tests/support/catch.h"

namespace sjcp::wan {
namespace {

using namespace std::chrono_literals;

// 1 byte per microsecond.
constexpr uint64_t kRate = 8'000'000;

}  // namespace

TEST_CASE("A packet leaves a free hop after its own transmission, to the nanosecond") {
  Hop hop({kRate, 1s});
  CHECK(hop.pass(5ms, 1000) == Time(6ms));
  Hop fast({10'000'000'000, 1s});
  CHECK(fast.pass(0s, 1500) == Time(1200));
}

TEST_CASE("A hop without a rate holds nothing up") {
  Hop hop({0, 0s});
  CHECK(hop.pass(7ms, 1'000'000) == Time(7ms));
  CHECK(hop.wait(7ms) == Time(0));
}

TEST_CASE("Packets that come together leave one after the other, and an idle hop forgets") {
  Hop hop({kRate, 1s});
  CHECK(hop.pass(0s, 1000) == Time(1ms));
  CHECK(hop.pass(0s, 500) == Time(1500us));
  CHECK(hop.wait(1ms) == Time(500us));
  CHECK(hop.pass(1ms, 1000) == Time(2500us));
  CHECK(hop.pass(10ms, 1000) == Time(11ms));
}

TEST_CASE("A packet that would wait longer than the queue is dropped and takes no room") {
  Hop hop({kRate, 2ms});
  CHECK(hop.pass(0s, 1000) == Time(1ms));
  CHECK(hop.pass(0s, 1000) == Time(2ms));
  CHECK(hop.pass(0s, 1000) == Time(3ms));  // waits exactly as long as the queue is
  CHECK_FALSE(hop.pass(0s, 1));
  CHECK_FALSE(hop.pass(999us, 1));
  CHECK(hop.pass(1ms, 1000) == Time(4ms));
}

TEST_CASE("A change of rate lets what waits go on at the new one") {
  Hop hop({kRate, 1s});
  hop.pass(0s, 10'000);
  // 8000 bytes still wait at 2 ms; at half the rate they take 16 ms.
  hop.change(2ms, {kRate / 2, 1s});
  CHECK(hop.wait(2ms) == Time(16ms));
  CHECK(hop.pass(2ms, 1000) == Time(20ms));
  hop.change(2ms, {0, 1s});
  CHECK(hop.pass(2ms, 1000) == Time(2ms));
}

}  // namespace sjcp::wan
