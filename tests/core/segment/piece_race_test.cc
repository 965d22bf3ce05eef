#include "core/segment/piece_race.h"

#include <algorithm>
#include <random>

#include "tests/core/segment/simulated_race.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace std::chrono_literals;
using segment::PieceRace;
using test::node_at;
using test::SimulatedNode;
using test::SimulatedRace;
using Reserve = PieceRace::Reserve;
using Role = PieceRace::Role;
using Start = PieceRace::Start;

namespace {

constexpr uint64_t kPiece = 2'300'000;
constexpr double kMega = 1e6;

PieceRace race_of(unsigned needed, unsigned offered) {
  PieceRace race({.needed = needed, .minimum = needed});
  for (unsigned i = 0; i < offered; ++i) race.add(i, Start::kRacing);
  return race;
}

// 29 pieces of 35, all chosen or all racing; nodes at 10 MB/s but for those that `change` touches.
SimulatedRace race_at_29(Start first, const std::function<void(std::vector<SimulatedNode>&)>& change) {
  std::vector<SimulatedNode> nodes(35, node_at(10 * kMega));
  change(nodes);
  std::vector<Start> starts(35, first);
  if (first == Start::kChosen) std::fill(starts.begin() + 29, starts.end(), Start::kReserve);
  return SimulatedRace(nodes, starts, SimulatedRace::options(29, kPiece));
}

// Without any trouble: 30 ms to the first byte, 230 ms for the piece.
constexpr auto kUndisturbed = 262ms;

}  // namespace

TEST_CASE("The first racing pieces to answer are read and the rest are parked") {
  auto race = race_of(2, 4);
  CHECK(race.first_bytes(3, 1ms) == Role::kActive);
  CHECK(race.first_bytes(1, 2ms) == Role::kActive);
  CHECK(race.first_bytes(0, 3ms) == Role::kParked);
  CHECK(race.role(2) == Role::kWaiting);
}

TEST_CASE(
    "The nearest that are needed and two more run, the others are held in the order of their distance") {
  auto race = race_of(2, 7);
  for (const unsigned piece : {5U, 3U, 6U, 1U}) CHECK(race.reached(piece, 1ms) == Role::kWaiting);
  CHECK(race.reached(4, 2ms) == Role::kReserve);
  CHECK(race.reached(0, 3ms) == Role::kReserve);
  CHECK(race.reached(5, 3ms) == Role::kWaiting);
  CHECK(race.first_bytes(3, 4ms) == Role::kActive);
  CHECK(race.first_bytes(5, 4ms) == Role::kActive);
  CHECK(race.first_bytes(6, 5ms) == Role::kParked);
  CHECK(race.failed(6, 0, 5ms).open.empty());
  CHECK(race.failed(1, 0, 5ms).open.empty());
  CHECK(race.failed(3, 0, 6ms).open.empty());  // piece 2 may still come
  CHECK(race.failed(2, 0, 7ms).open == std::vector<unsigned>{4});
}

namespace {

// Three pieces come after `trip` times three and are complete at once; the first takes 150 ms a round trip,
// and stands at position(burst) from then on.  How many others were called in until `end`.
unsigned called_beside_a_far_node(std::chrono::milliseconds trip, std::chrono::milliseconds end,
                                  const std::function<uint64_t(int burst)>& position) {
  PieceRace race(SimulatedRace::options(4, kPiece));
  for (unsigned i = 0; i < 4; ++i) race.add(i, Start::kRacing);
  race.add(4, Start::kReserve);
  for (unsigned i = 1; i < 4; ++i) race.reached(i, trip);
  race.reached(0, 150ms);
  for (unsigned i = 1; i < 4; ++i) race.first_bytes(i, 3 * trip);
  race.first_bytes(0, 450ms);
  unsigned called = 0;
  for (auto now = 450ms; now <= end; now += 50ms) {
    const auto burst = static_cast<int>((now - 450ms) / 150ms);
    std::vector<PieceRace::Progress> progress{{0, 0, position(burst), 30ms, false}};
    for (unsigned i = 1; i < 4; ++i) progress.push_back({i, 0, kPiece, 30ms, true});
    called += static_cast<unsigned>(race.review(progress, 0, now).open.size());
  }
  return called;
}

}  // namespace

TEST_CASE("A far node's slow start is not taken for a slow node") {
  const auto doubling = [](int burst) { return uint64_t{16'384} * ((2ULL << burst) - 1); };
  const auto crawling = [](int burst) { return uint64_t{16'384} * static_cast<uint64_t>(burst + 1); };
  CHECK(called_beside_a_far_node(100ms, 1200ms, doubling) == 0);
  CHECK(called_beside_a_far_node(100ms, 1200ms, crawling) == 1);
}

TEST_CASE("A far node's time between bursts is not taken for silence") {
  const auto nearly_done = [](int) { return kPiece - 100'000; };
  CHECK(called_beside_a_far_node(1ms, 700ms, nearly_done) == 0);
  CHECK(called_beside_a_far_node(1ms, 800ms, nearly_done) == 1);
}

TEST_CASE("Where nodes are far away more pieces than needed are read, and still more where they are uneven") {
  const auto needed = [](std::vector<std::chrono::milliseconds> trips) {
    auto options = SimulatedRace::options(4, kPiece);
    options.insurance = 2;
    options.uneven = 1;
    PieceRace race(options);
    for (unsigned i = 0; i < trips.size(); ++i) race.add(i, Start::kRacing);
    for (unsigned i = 0; i < trips.size(); ++i) race.reached(i, trips[i]);
    return race.needed();
  };
  CHECK(needed({10ms, 10ms, 10ms, 34ms, 90ms}) == 4);
  CHECK(needed({12ms, 12ms, 12ms, 35ms, 90ms}) == 6);
  CHECK(needed({12ms, 12ms, 12ms, 36ms, 90ms}) == 7);
  CHECK(needed({80ms, 80ms, 80ms, 80ms, 280ms}) == 6);
}

TEST_CASE("The round trip that was measured counts, not the time that reaching the node took") {
  auto options = SimulatedRace::options(1, kPiece);
  options.insurance = 1;
  PieceRace race(options);
  race.add(0, Start::kRacing);
  race.measured(0, 20ms);
  race.reached(0, 90ms);
  CHECK(race.needed() == 1);
}

TEST_CASE("Reserves with a connection are opened first, those known to be poor last") {
  PieceRace race({.needed = 1, .minimum = 1});
  race.add(9, Start::kChosen);
  for (const unsigned piece : {1U, 2U, 3U, 4U}) race.add(piece, Start::kReserve);
  race.know(1, Reserve::kPoor);
  race.know(2, Reserve::kPoor);
  race.know(2, Reserve::kUsual);
  race.know(4, Reserve::kWarm);
  CHECK(race.failed(9, 0, 1ms).open == std::vector<unsigned>{4});
  CHECK(race.failed(4, 0, 2ms).open == std::vector<unsigned>{2});
  CHECK(race.failed(2, 0, 3ms).open == std::vector<unsigned>{3});
  CHECK(race.failed(3, 0, 4ms).open == std::vector<unsigned>{1});
}

TEST_CASE(
    "A node for which dialling another would not pay is exchanged when one with a connection is there") {
  // Others wait for 100 ms at the review at 400 ms.  It needs 0.43 s more then, or 1.5 s at 1100 ms; one that
  // is dialled would need 1 s, one with a connection 0.2 s.
  const auto opened = [](Reserve reserve, std::chrono::milliseconds end) {
    PieceRace race(SimulatedRace::options(4, kPiece));
    for (unsigned i = 0; i < 4; ++i) race.add(i, Start::kRacing);
    race.add(4, Start::kReserve);
    race.know(4, reserve);
    for (unsigned i = 0; i < 4; ++i) race.reached(i, 100ms);
    for (unsigned i = 0; i < 4; ++i) race.first_bytes(i, 300ms);
    size_t count = 0;
    for (auto now = 300ms; now <= end; now += 50ms) {
      const auto position = static_cast<uint64_t>((now - 300ms).count()) * 1000;
      std::vector<PieceRace::Progress> progress{{0, 0, position, now - 300ms, false}};
      for (unsigned i = 1; i < 4; ++i) progress.push_back({i, 0, kPiece, 30ms, true});
      count += race.review(progress, 0, now).open.size();
    }
    return count;
  };
  CHECK(opened(Reserve::kUsual, 1200ms) == 0);
  CHECK(opened(Reserve::kWarm, 350ms) == 0);
  CHECK(opened(Reserve::kWarm, 400ms) == 1);
}

TEST_CASE("A far substitute is given the time to answer and to get up to speed") {
  // Piece 1 is silent until piece 2 is called at 150 ms, then both others are ahead of that one.
  const auto dropped_at = [](std::chrono::milliseconds trip, bool doubles) {
    PieceRace race(SimulatedRace::options(2, kPiece));
    for (unsigned i = 0; i < 2; ++i) race.add(i, Start::kChosen);
    race.add(2, Start::kReserve);
    race.measured(2, trip);
    for (unsigned i = 0; i < 2; ++i) race.first_bytes(i, 30ms);
    for (auto now = 50ms; now <= 1000ms; now += 50ms) {
      const bool called = race.role(2) == Role::kActive;
      if (called && doubles && now == 450ms) race.first_bytes(2, now);
      std::vector<PieceRace::Progress> progress{{0, 0, 1'000'000, 30ms, true}};
      progress.push_back({1, 0, called ? 900'000U : 20'000U, now - 30ms, false});
      const uint64_t windows = doubles && now >= 450ms ? (2ULL << ((now - 450ms) / 100ms)) - 1 : 0;
      if (called) progress.push_back({2, 20'000, 20'000 + 16'384 * windows, 30ms, false});
      const auto drop = race.review(progress, 20'000, now).drop;
      if (std::ranges::find(drop, 2U) != drop.end()) return now;
    }
    return 0ms;
  };
  CHECK(dropped_at(0ms, false) == 350ms);    // two start-ups of the others, and patience
  CHECK(dropped_at(100ms, false) == 850ms);  // two of its own
  CHECK(dropped_at(100ms, true) == 0ms);
}

TEST_CASE("Chosen pieces take places from the start") {
  PieceRace race({.needed = 3, .minimum = 3});
  race.add(7, Start::kChosen);
  race.add(8, Start::kChosen);
  race.add(1, Start::kRacing);
  race.add(2, Start::kRacing);
  CHECK(race.role(7) == Role::kActive);
  CHECK(race.first_bytes(2, 1ms) == Role::kActive);
  CHECK(race.first_bytes(1, 1ms) == Role::kParked);
}

TEST_CASE("A parked piece takes the place of an active one that fails") {
  auto race = race_of(2, 4);
  race.first_bytes(0, 1ms);
  race.first_bytes(1, 1ms);
  race.first_bytes(2, 1ms);
  // A racing piece may still answer, so nothing is missing before that is ruled out.
  CHECK(race.failed(3, 0, 2ms).activate.empty());
  CHECK(race.failed(0, 0, 2ms).activate == std::vector<unsigned>{2});
  CHECK(race.role(2) == Role::kActive);
  const auto none = race.failed(1, 0, 3ms);
  CHECK(none.activate.empty());
  CHECK(none.more_nodes);
  CHECK_FALSE(race.possible());
}

TEST_CASE("Reserves are opened in the order of their adding when active pieces fail") {
  PieceRace race({.needed = 1, .minimum = 1});
  race.add(5, Start::kChosen);
  race.add(9, Start::kReserve);
  race.add(2, Start::kReserve);
  CHECK(race.failed(5, 1000, 1ms).open == std::vector<unsigned>{9});
  CHECK(race.failed(9, 1000, 2ms).open == std::vector<unsigned>{2});
  CHECK(race.failed(2, 1000, 3ms).more_nodes);
}

TEST_CASE("A race of equal nodes ends undisturbed and fetches nothing twice") {
  auto race = race_at_29(Start::kChosen, [](auto&) {});
  CHECK(race.run(10s));
  CHECK(race.now <= kUndisturbed);
  CHECK(race.opened_at.empty());
  CHECK(race.fetched() == 29 * kPiece);
}

TEST_CASE("Nodes that differ by less than twice are left alone") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    for (size_t i = 0; i < 6; ++i) nodes[i] = node_at(6 * kMega);
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.empty());
  CHECK(race.dropped_at.empty());
}

TEST_CASE("A chosen node that never answers is replaced when the others have waited for a while") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) { nodes[4].startup = -1ms; });
  CHECK(race.run(10s));
  // The others answer at 31 ms and fill their rings; from the next review on it is late.
  CHECK(race.opened_at == std::map<unsigned, std::chrono::milliseconds>{{29, 150ms}});
  CHECK(race.now <= 150ms + kUndisturbed);
}

TEST_CASE("A racing node that never answers costs nothing while others do") {
  auto race = race_at_29(Start::kRacing, [](auto& nodes) {
    for (size_t i = 0; i < 6; ++i) nodes[i].startup = -1ms;
  });
  CHECK(race.run(10s));
  CHECK(race.now <= kUndisturbed);
}

TEST_CASE("When too few racing nodes answer, more are asked for well before any time-out") {
  auto race = race_at_29(Start::kRacing, [](auto& nodes) {
    for (size_t i = 0; i < 8; ++i) nodes[i].startup = -1ms;
  });
  CHECK_FALSE(race.run(300ms));
  CHECK(race.asked_at == 250ms);
  race.add_reserve(node_at(10 * kMega));
  race.add_reserve(node_at(10 * kMega));
  CHECK(race.run(10s));
  CHECK(race.now <= 350ms + kUndisturbed);
}

TEST_CASE("A node that stalls in the middle is replaced from where the segment stands") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) { nodes[0].stall_at = 1'000'000; });
  CHECK(race.run(10s));
  // It stalls at 131 ms and is found late at the review after the others' rings are full.
  CHECK(race.opened_at == std::map<unsigned, std::chrono::milliseconds>{{29, 250ms}});
  CHECK(race.dropped_at.contains(0));
  CHECK(race.now <= 250ms + 30ms + 131ms + 2ms);
  CHECK(race.fetched() <= 29 * kPiece + SimulatedRace::kRing);
}

TEST_CASE("A parked node takes over early on, an unopened one later") {
  // 33 race, so that some are parked; two are in reserve.
  const auto stalled_at = [](uint64_t position) {
    std::vector<SimulatedNode> nodes(35, node_at(10 * kMega));
    nodes[0].stall_at = position;
    std::vector<Start> starts(35, Start::kRacing);
    starts[33] = starts[34] = Start::kReserve;
    return SimulatedRace(nodes, starts, SimulatedRace::options(29, kPiece));
  };
  auto early = stalled_at(100'000);
  CHECK(early.run(10s));
  CHECK(early.activated_at.size() == 1);
  CHECK(early.opened_at.empty());
  auto late = stalled_at(1'500'000);
  CHECK(late.run(10s));
  CHECK(late.activated_at.empty());
  CHECK(late.opened_at.size() == 1);
}

TEST_CASE("A slow node is replaced early enough to matter, and dropped once it is overtaken") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) { nodes[7] = node_at(1 * kMega); });
  CHECK(race.run(10s));
  CHECK(race.opened_at.size() == 1);
  CHECK(race.opened_at[29] <= 200ms);
  CHECK(race.dropped_at.contains(7));
  // Alone it would have taken 2.3 s.
  CHECK(race.now <= 500ms);
}

TEST_CASE("On a busy line a slow node is kept, one of no use replaced, and a silent one after seconds") {
  auto slow = race_at_29(Start::kChosen, [](auto& nodes) { nodes[7] = node_at(1 * kMega); });
  slow.line_busy = true;
  CHECK(slow.run(10s));
  CHECK(slow.opened_at.empty());
  CHECK(slow.fetched() == 29 * kPiece);
  // It alone would take two minutes.
  auto useless = race_at_29(Start::kChosen, [](auto& nodes) { nodes[7] = node_at(0.02 * kMega); });
  useless.line_busy = true;
  CHECK(useless.run(10s));
  CHECK(useless.opened_at.size() == 1);
  CHECK(useless.opened_at[29] >= 400ms);
  CHECK(useless.opened_at[29] <= 600ms);
  // As little, but in jerks, as where packets are lost.
  auto jerky = race_at_29(Start::kChosen, [](auto& nodes) {
    nodes[7].rate = [](auto now) { return now % 300ms < 3ms ? 2 * kMega : 0; };
  });
  jerky.line_busy = true;
  CHECK(jerky.run(10s));
  CHECK(jerky.opened_at.size() == 1);
  CHECK(jerky.opened_at[29] >= 1s);
  CHECK(jerky.opened_at[29] <= 1300ms);
  // Where nobody gets much, the same happens by luck.
  auto starved = race_at_29(Start::kChosen, [](auto& nodes) {
    for (auto& node : nodes) node = node_at(0.3 * kMega);
    nodes[7] = node_at(0.015 * kMega);
  });
  starved.line_busy = true;
  CHECK(starved.run(200s));
  CHECK(starved.opened_at.empty());
  auto silent = race_at_29(Start::kChosen, [](auto& nodes) { nodes[7].stall_at = kPiece / 2; });
  silent.line_busy = true;
  CHECK(silent.run(10s));
  CHECK(silent.opened_at.size() == 1);
  CHECK(silent.opened_at[29] >= 2s);
  CHECK(silent.opened_at[29] <= 2300ms);
}

TEST_CASE("On a busy line what is read beside the needed pieces is dropped as soon as enough of them come") {
  auto options = SimulatedRace::options(2, kPiece);
  options.insurance = 2;
  PieceRace race(options);
  for (unsigned i = 0; i < 4; ++i) race.add(i, Start::kRacing);
  for (unsigned i = 0; i < 4; ++i) race.reached(i, 50ms);
  for (unsigned i = 0; i < 3; ++i) race.first_bytes(i, 150ms);
  REQUIRE(race.needed() == 4);
  REQUIRE(race.count(Role::kActive) == 3);
  std::vector<PieceRace::Progress> progress{
      {0, 0, 300, 1ms, false}, {1, 0, 100, 1ms, false}, {2, 0, 200, 1ms, false}};
  CHECK(race.review(progress, 0, 200ms).drop.empty());
  CHECK(race.review(progress, 0, 200ms, true).drop == std::vector<unsigned>{1});
  CHECK(race.needed() == 2);
  CHECK(race.first_bytes(3, 210ms) == Role::kParked);
  CHECK(race.role(1) == Role::kDropped);
}

TEST_CASE("A piece that is silent does not count as one that comes on a busy line") {
  PieceRace race(SimulatedRace::options(2, kPiece));
  for (unsigned i = 0; i < 3; ++i) race.add(i, Start::kRacing);
  for (unsigned i = 0; i < 2; ++i) race.first_bytes(i, 10ms);
  std::vector<PieceRace::Progress> progress{{0, 0, 1'000'000, 1s, false}, {1, 0, 900'000, 1s, false}};
  race.review(progress, 0, 1s, true);
  progress[0].position += 500'000;
  race.first_bytes(2, 9s);  // parked
  const auto decision = race.review(progress, 0, 9s, true);
  REQUIRE(decision.activate == std::vector<unsigned>{2});
  CHECK(decision.drop.empty());
  // The substitute stands behind the silent one, which goes all the same.
  progress.push_back({2, 0, 20'000, 50ms, false});
  progress[0].position += 500'000;
  CHECK(race.review(progress, 0, 9100ms, true).drop == std::vector<unsigned>{1});
}

TEST_CASE("A node that slows down near the end is not replaced when that would not pay") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    nodes[3].rate = [](std::chrono::milliseconds now) { return now < 220ms ? 10 * kMega : 2 * kMega; };
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.empty());
}

TEST_CASE("A node that recovers keeps its place") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    nodes[3].rate = [](std::chrono::milliseconds now) { return now > 100ms && now < 160ms ? 0 : 10 * kMega; };
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.empty());
}

TEST_CASE("Slow nodes are exchanged up to a tenth of the pieces, so that little is fetched twice") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    for (size_t i = 0; i < 6; ++i) nodes[i] = node_at(2.2 * kMega);
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.size() == 3);
  CHECK(race.fetched() < 29 * kPiece * 115 / 100);
}

TEST_CASE("Very slow nodes are exchanged whatever their number, since little of them is fetched in vain") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    for (size_t i = 0; i < 6; ++i) nodes[i] = node_at(0.5 * kMega);
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.size() == 6);
  CHECK(race.dropped_at.size() == 6);
  CHECK(race.now <= 600ms);
  CHECK(race.fetched() < 29 * kPiece * 105 / 100);
}

TEST_CASE("Where most nodes crawl, the few that do not are reason enough to look for others") {
  std::vector<SimulatedNode> nodes(5, node_at(0.02 * kMega));
  nodes[0] = node_at(10 * kMega);
  SimulatedRace race(nodes, std::vector<Start>(5, Start::kRacing), SimulatedRace::options(4, kPiece));
  CHECK_FALSE(race.run(2s));
  REQUIRE(race.asked_at);
  CHECK(*race.asked_at < 2s);
  for (int i = 0; i < 4; ++i) race.add_reserve(node_at(10 * kMega));
  CHECK(race.run(10s));
  CHECK(race.now <= 2500ms);
}

TEST_CASE("A few very fast nodes are no reason to exchange all the others") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    for (size_t i = 0; i < 5; ++i) nodes[i] = node_at(200 * kMega);
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.empty());
}

TEST_CASE("Silent nodes are exchanged whatever their number") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    for (size_t i = 0; i < 6; ++i) nodes[i].stall_at = 500'000;
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.size() == 6);
  CHECK(race.now <= 600ms);
}

TEST_CASE("More stalled nodes than spares: further ones are asked for at once and take over") {
  std::vector<SimulatedNode> nodes(5, node_at(10 * kMega));
  for (size_t i = 0; i < 3; ++i) nodes[i].stall_at = 200'000;
  SimulatedRace race(nodes, std::vector<Start>(5, Start::kRacing), SimulatedRace::options(4, kPiece));
  CHECK_FALSE(race.run(500ms));
  REQUIRE(race.asked_at);
  CHECK(*race.asked_at <= 450ms);
  for (int i = 0; i < 3; ++i) race.add_reserve(node_at(10 * kMega));
  CHECK(race.run(10s));
  CHECK(race.now <= 1s);
}

TEST_CASE("Nodes that all fall silent are replaced, though nobody is ahead of anybody") {
  std::vector<SimulatedNode> nodes(4, node_at(10 * kMega));
  for (auto& node : nodes) node.stall_at = 200'000;
  SimulatedRace race(nodes, std::vector<Start>(4, Start::kChosen), SimulatedRace::options(4, kPiece));
  CHECK_FALSE(race.run(2s));
  CHECK_FALSE(race.asked_at);
  CHECK_FALSE(race.run(2100ms));
  CHECK(race.asked_at == 2050ms);
}

TEST_CASE("All nodes but those needed are poor: others take over within half of the healthy time") {
  constexpr uint64_t kLong = 7'500'000;
  constexpr auto kHealthy = 3780ms;  // at 2 MB/s
  SimulatedNode poor = node_at(2 * kMega);
  int allowed = 0;
  SECTION("they begin and stall") {
    poor.stall_at = 1000;
  }
  SECTION("they stall later") {
    poor.stall_at = 100'000;
    allowed = 4;  // where the first six stall at one place, nobody is ahead of anybody
  }
  SECTION("they crawl") {
    poor = node_at(0.02 * kMega);
  }
  SECTION("they never answer") {
    poor.startup = -1ms;
  }
  SECTION("they end at once") {
    poor.fails_at = 20ms;
  }
  std::mt19937 random(1);
  uint64_t fetched = 0;
  int late = 0;
  constexpr int kDraws = 200;
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<SimulatedNode> nodes(12, node_at(2 * kMega));
    std::fill(nodes.begin(), nodes.begin() + 8, poor);
    std::shuffle(nodes.begin(), nodes.end(), random);
    SimulatedRace race(nodes, std::vector<Start>(12, Start::kRacing), SimulatedRace::options(4, kLong));
    REQUIRE(race.run(20s));
    if (race.now > 3 * kHealthy / 2) ++late;
    fetched += race.fetched();
  }
  CHECK(late <= allowed);
  CHECK(fetched < 4 * kLong * kDraws * 125 / 100);
}

TEST_CASE("A substitute that does not answer either is replaced in turn") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) {
    nodes[0].stall_at = 500'000;
    nodes[29].startup = -1ms;
  });
  CHECK(race.run(10s));
  CHECK(race.opened_at.size() == 2);
  CHECK(race.now <= 900ms);
}

TEST_CASE("A node that fails at once is replaced at once") {
  auto race = race_at_29(Start::kChosen, [](auto& nodes) { nodes[0].fails_at = 60ms; });
  CHECK(race.run(10s));
  CHECK(race.opened_at == std::map<unsigned, std::chrono::milliseconds>{{29, 60ms}});
}

TEST_CASE("All nodes at a hundredth of the speed are no reason to exchange any: a few others are looked at") {
  std::vector<SimulatedNode> nodes(35, node_at(0.1 * kMega));
  std::vector<Start> starts(35, Start::kRacing);
  SimulatedRace race(nodes, starts, SimulatedRace::options(29, kPiece));
  CHECK(race.run(60s));
  CHECK(race.opened_at.size() + race.activated_at.size() <= 6);
  CHECK(race.dropped_at.size() == race.opened_at.size() + race.activated_at.size());
  CHECK_FALSE(race.asked_at);
  CHECK(race.fetched() < 29 * kPiece * 102 / 100);
}

TEST_CASE("With error correction late pieces are dropped as long as a wrong one can be corrected") {
  auto options = SimulatedRace::options(8, kPiece);
  options.minimum = 4;
  options.correctable = 6;
  std::vector<SimulatedNode> nodes(8, node_at(10 * kMega));
  SECTION("a slow one") {
    nodes[2] = node_at(0.02 * kMega);
    SimulatedRace race(nodes, std::vector<Start>(8, Start::kChosen), options);
    CHECK(race.run(60s));
    CHECK(race.dropped_at.size() == 1);
    CHECK(race.now <= 600ms);
  }
  SECTION("three that stall: the third is waited for") {
    for (size_t i = 0; i < 3; ++i) nodes[i].stall_at = 100'000;
    SimulatedRace race(nodes, std::vector<Start>(8, Start::kChosen), options);
    CHECK_FALSE(race.run(5s));
    CHECK(race.dropped_at.size() == 2);
  }
}
