#include "core/transfer/group_size.h"
#include "tests/support/catch.h"

using namespace sjcp::transfer;
using namespace std::chrono_literals;
using Time = GroupSize::Time;

namespace {

constexpr Time kStart{std::chrono::hours(1)};

Time after(std::chrono::milliseconds time) {
  return kStart + time;
}

}  // namespace

TEST_CASE("Groups double while they succeed, up to the most") {
  GroupSize sizes(3);
  CHECK(sizes.files() == 32);
  for (const size_t next : {64u, 128u, 256u, 256u}) {
    sizes.succeeded(sizes.files());
    CHECK(sizes.files() == next);
  }
}

TEST_CASE("A group that was not full does not make the next ones larger") {
  GroupSize sizes(3);
  sizes.succeeded(31);
  CHECK(sizes.files() == 32);
  sizes.succeeded(32);
  CHECK(sizes.files() == 64);
}

TEST_CASE("Refused files halve the groups, down to one") {
  GroupSize sizes(1);
  for (const size_t next : {16u, 8u, 4u, 2u, 1u, 1u}) {
    sizes.refused();
    CHECK(sizes.files() == next);
  }
  sizes.succeeded(1);
  CHECK(sizes.files() == 2);
}

TEST_CASE("Without a refusal for the rate, requests go at once") {
  GroupSize sizes(3);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(sizes.book(256, kStart));
  CHECK_FALSE(sizes.pace());
}

TEST_CASE("The first refusal for the rate sets the usual pace, a quarter of a second behind the server") {
  GroupSize sizes(3);
  CHECK_FALSE(sizes.book(32, kStart));
  CHECK(sizes.limited(32, kStart, kStart) == 1);
  CHECK(sizes.pace() == 100.0);
  // Half of 32, and at three requests a file half a second's worth of 100.
  CHECK(sizes.files() == 16);
  // 16 files are 48 requests, which take 480 ms at 100 a second.
  CHECK(sizes.book(16, kStart) == after(730ms));
  CHECK(sizes.book(16, after(729ms)) == after(730ms));
  CHECK_FALSE(sizes.book(16, after(730ms)));
  CHECK(sizes.book(16, after(730ms)) == after(1210ms));
  CHECK(sizes.book(1, after(730ms)) == after(760ms));
}

TEST_CASE("What nobody sends for a while may be sent later, half a second's worth of it") {
  GroupSize sizes(1);
  sizes.limited(1, kStart, kStart);
  CHECK_FALSE(sizes.book(50, after(10s)));
  CHECK_FALSE(sizes.book(50, after(10s)));
  CHECK(sizes.book(1, after(10s)) == after(10010ms));
}

TEST_CASE("What passed before the first refusal shows a satellite of a higher limit") {
  GroupSize sizes(1);
  sizes.book(32, kStart);
  for (int i = 0; i < 10; ++i) sizes.succeeded(200);
  sizes.limited(200, after(1s), after(1s));
  CHECK(sizes.pace() == 1000.0);
}

TEST_CASE("The pace slows down with every refusal and its rest doubles, to eight seconds") {
  GroupSize sizes(1);
  Time now = kStart;
  double rate = 100;
  int refusals = 0;
  for (const auto rest : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 8000ms}) {
    CHECK(sizes.limited(1, now, now) == ++refusals);
    CHECK(*sizes.pace() == Approx(rate));
    rate *= 0.7;
    CHECK(sizes.book(0, now) == now + rest);
    now += rest;
  }
  for (int i = 0; i < 20; ++i) sizes.limited(0, now, now += 1h);
  CHECK(*sizes.pace() == GroupSize::kLeastRate);
  CHECK(sizes.files() == 1);
}

TEST_CASE("Refusals of requests that were under way when the pace changed count once") {
  GroupSize sizes(3);
  for (int i = 0; i < 16; ++i) CHECK(sizes.limited(32, kStart, after(100ms)) == 1);
  CHECK(sizes.pace() == 100.0);
  CHECK(sizes.files() == 16);
  CHECK(sizes.book(0, after(100ms)) == after(350ms));
  // They emptied the server's bucket again.
  CHECK(sizes.limited(32, kStart, after(200ms)) == 1);
  CHECK(sizes.book(0, after(200ms)) == after(450ms));
}

TEST_CASE("What passes between two refusals is the pace from then on") {
  GroupSize sizes(1);
  sizes.limited(32, kStart, kStart);
  for (int i = 0; i < 22; ++i) sizes.succeeded(40);
  // 880 and half of 40 in ten seconds; the pace had grown to 108.
  CHECK(sizes.limited(40, after(10s), after(10s)) == 1);
  CHECK(*sizes.pace() == Approx(90));
  CHECK(sizes.book(0, after(10s)) == after(10250ms));
}

TEST_CASE("The pace grows slowly, then faster, and doubles in some twenty seconds") {
  GroupSize sizes(1);
  sizes.limited(1, kStart, kStart);
  sizes.succeeded(500);
  CHECK(*sizes.pace() == Approx(101.5625));
  sizes.succeeded(500);
  CHECK(*sizes.pace() == Approx(112.5));
  sizes.succeeded(1000);
  CHECK(*sizes.pace() == Approx(200));
  sizes.succeeded(1000);
  CHECK(*sizes.pace() == Approx(203.125));
}

TEST_CASE("With a pace, a group is at most half a second's worth") {
  GroupSize sizes(3);
  sizes.limited(16, kStart, kStart);
  for (int i = 0; i < 5; ++i) sizes.succeeded(sizes.files());
  CHECK(*sizes.pace() == Approx(100).epsilon(0.01));
  CHECK(sizes.files() == 16);
}
