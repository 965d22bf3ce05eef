#include "core/segment/piece_race.h"

#include <catch2/catch.hpp>

using namespace sjcp;
using namespace std::chrono_literals;
using segment::PieceRace;
using Role = PieceRace::Role;

namespace {

PieceRace race_of(unsigned needed, unsigned offered) {
  PieceRace race({.needed = needed, .minimum = needed});
  for (unsigned i = 0; i < offered; ++i) race.add(i);
  return race;
}

const Clock::Steady kStart{};

}  // namespace

TEST_CASE("the first pieces to answer are read and the rest are parked") {
  auto race = race_of(2, 4);
  CHECK(race.first_bytes(3) == Role::kActive);
  CHECK(race.first_bytes(1) == Role::kActive);
  CHECK(race.first_bytes(0) == Role::kParked);
  CHECK(race.role(2) == Role::kWaiting);
}

TEST_CASE("a parked piece takes the place of an active one that fails") {
  auto race = race_of(2, 4);
  race.first_bytes(0);
  race.first_bytes(1);
  race.first_bytes(2);
  CHECK(race.failed(0) == 2u);
  CHECK(race.role(2) == Role::kActive);
  CHECK_FALSE(race.failed(1));  // no spare has answered yet
  CHECK(race.first_bytes(3) == Role::kActive);
}

TEST_CASE("a parked or waiting piece that fails needs no substitute") {
  auto race = race_of(2, 4);
  race.first_bytes(0);
  race.first_bytes(1);
  race.first_bytes(2);
  CHECK_FALSE(race.failed(3));
  CHECK_FALSE(race.failed(2));
  CHECK(race.possible());
  race.failed(1);
  CHECK_FALSE(race.possible());
}

TEST_CASE("a laggard gets one substitute, and only after others waited for it long enough") {
  auto race = race_of(2, 4);
  for (unsigned i = 0; i < 4; ++i) race.first_bytes(i);
  const PieceRace::Progress stuck[] = {{0, true}, {1, false}};
  CHECK(race.review(stuck, kStart).empty());
  CHECK(race.review(stuck, kStart + 499ms).empty());
  CHECK(race.review(stuck, kStart + 500ms) == std::vector<unsigned>{2});
  CHECK(race.review(stuck, kStart + 5s).empty());
  // The laggard fails: its substitute runs already.
  CHECK_FALSE(race.failed(1));
}

TEST_CASE("a pause of a piece that catches up again is forgiven") {
  auto race = race_of(2, 3);
  for (unsigned i = 0; i < 3; ++i) race.first_bytes(i);
  const PieceRace::Progress behind[] = {{0, true}, {1, false}};
  const PieceRace::Progress even[] = {{0, true}, {1, true}};
  race.review(behind, kStart);
  race.review(even, kStart + 400ms);
  CHECK(race.review(behind, kStart + 600ms).empty());
  CHECK(race.review(behind, kStart + 1100ms) == std::vector<unsigned>{2});
}

TEST_CASE("nobody lags while most pieces are still on their way") {
  auto race = race_of(3, 4);
  for (unsigned i = 0; i < 4; ++i) race.first_bytes(i);
  const PieceRace::Progress slow[] = {{0, true}, {1, false}, {2, false}};
  race.review(slow, kStart);
  CHECK(race.review(slow, kStart + 60s).empty());
}
