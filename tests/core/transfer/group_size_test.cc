#include "core/transfer/group_size.h"

#include <catch2/catch.hpp>

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
  for (int i = 0; i < 1000; ++i) CHECK(sizes.reserve(256, kStart) == kStart);
  CHECK_FALSE(sizes.pace());
}

TEST_CASE("The first refusal for the rate sets the usual pace, after a second of rest") {
  GroupSize sizes(3);
  sizes.limited(kStart, kStart);
  CHECK(sizes.pace() == 100.0);
  // Half of 32, and at three requests a file half a second's worth of 100.
  CHECK(sizes.files() == 16);
  CHECK(sizes.reserve(16, kStart) == after(1000ms));
  // 16 files are 48 requests, which take 480 ms at 100 a second.
  CHECK(sizes.reserve(16, kStart) == after(1480ms));
  CHECK(sizes.reserve(1, kStart) == after(1960ms));
  CHECK(sizes.reserve(1, after(5000ms)) == after(5000ms));
}

TEST_CASE("The pace slows down with every refusal and its rest doubles, to eight seconds") {
  GroupSize sizes(1);
  Time now = kStart;
  double rate = 100;
  for (const auto rest : {1s, 2s, 4s, 8s, 8s}) {
    sizes.limited(now, now);
    CHECK(*sizes.pace() == Approx(rate));
    rate *= 0.7;
    CHECK(sizes.reserve(0, now) == now + rest);
    now += rest;
  }
  for (int i = 0; i < 20; ++i) sizes.limited(now, now);
  CHECK(*sizes.pace() == GroupSize::kLeastRate);
  CHECK(sizes.files() == 1);
}

TEST_CASE("Refusals of requests that were under way when the pace changed count once") {
  GroupSize sizes(3);
  for (int i = 0; i < 16; ++i) sizes.limited(kStart, after(100ms));
  CHECK(sizes.pace() == 100.0);
  CHECK(sizes.files() == 16);
  CHECK(sizes.reserve(0, after(100ms)) == after(1100ms));
}

TEST_CASE("Success makes the pace faster, and the next rest short again") {
  GroupSize sizes(1);
  sizes.limited(kStart, kStart);
  sizes.limited(after(1ms), after(1ms));
  CHECK(*sizes.pace() == Approx(70));
  sizes.succeeded(1);
  CHECK(*sizes.pace() == Approx(77));
  sizes.limited(after(5000ms), after(5000ms));
  CHECK(sizes.reserve(0, after(5000ms)) == after(6000ms));
}

TEST_CASE("With a pace, a group is at most half a second's worth") {
  GroupSize sizes(3);
  sizes.limited(kStart, kStart);
  for (int i = 0; i < 5; ++i) sizes.succeeded(sizes.files());
  // 100 * 1.1^5 = 161 requests a second, three for each file.
  CHECK(*sizes.pace() == Approx(161.051));
  CHECK(sizes.files() == 26);
}
