#include "net/storj/node_memory.h"

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace std::chrono_literals;
using segment::PieceRace;
using storj::NodeMemory;
using Did = NodeMemory::Fault;
using How = PieceRace::Start;
using Standing = NodeMemory::Standing;
using storj::NodeHistory;
using Verdict = NodeHistory::Verdict;

namespace {

access::NodeId node(unsigned number) {
  Bytes bytes(access::NodeId::kSize, static_cast<uint8_t>(number));
  return *access::NodeId::from_bytes(bytes);
}

std::vector<NodeMemory::Candidate> candidates(unsigned count, unsigned data) {
  std::vector<NodeMemory::Candidate> out;
  for (unsigned i = 0; i < count; ++i) out.push_back({i, node(i), i < data, false});
  return out;
}

// An earlier run that found nodes first to last - 1 poor.
NodeHistory poor_before(unsigned first, unsigned last, const Clock& clock) {
  std::vector<NodeHistory::Finding> findings;
  for (unsigned i = first; i < last; ++i) findings.push_back({node(i), Verdict::kPoor, clock.wall_now()});
  NodeHistory history;
  history.add(findings, clock.wall_now());
  return history;
}

std::vector<unsigned> pieces(const std::vector<NodeMemory::Start>& plan, How how) {
  std::vector<unsigned> out;
  for (const auto& start : plan) {
    if (start.how == how) out.push_back(start.piece);
  }
  return out;
}

}  // namespace

TEST_CASE("Nobody is known at first, so all that are offered race") {
  NodeMemory memory;
  const auto plan = memory.plan(candidates(35, 29), 29);
  CHECK(pieces(plan, How::kRacing).size() == 35);
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
}

TEST_CASE("Once enough are known to be good, as many as needed are chosen and none races") {
  NodeMemory memory;
  for (unsigned i = 0; i < 35; ++i) memory.delivered(node(i), 1e6 + i);
  const auto plan = memory.plan(candidates(35, 29), 29);
  CHECK(pieces(plan, How::kChosen).size() == 29);
  CHECK(pieces(plan, How::kReserve).size() == 6);
}

TEST_CASE("Where nobody is known three race for each place") {
  NodeMemory memory;
  const auto plan = memory.plan(candidates(90, 29), 29);
  CHECK(pieces(plan, How::kRacing).size() == 87);
  CHECK(pieces(plan, How::kReserve).size() == 3);
}

TEST_CASE("For each place that no good node takes two others race") {
  NodeMemory memory;
  for (unsigned i = 0; i < 20; ++i) memory.delivered(node(i), 1e6);
  const auto plan = memory.plan(candidates(58, 29), 29);
  CHECK(pieces(plan, How::kChosen).size() == 20);
  CHECK(pieces(plan, How::kRacing).size() == 18);
  CHECK(pieces(plan, How::kReserve).size() == 20);
}

TEST_CASE("Between equals, idle connections come first, then data shares") {
  NodeMemory memory;
  for (unsigned i = 0; i < 6; ++i) memory.delivered(node(i), i % 2 == 0 ? 1e6 : 2e6);
  auto all = candidates(6, 3);
  all[5].warm = true;
  const auto plan = memory.plan(all, 3);
  CHECK(pieces(plan, How::kChosen) == std::vector<unsigned>{5, 0, 1});
  CHECK(pieces(plan, How::kReserve) == std::vector<unsigned>{2, 3, 4});
}

TEST_CASE("Next door, data shares come first, then idle connections") {
  const auto chosen = [](std::chrono::microseconds trip) {
    NodeMemory memory;
    for (unsigned i = 0; i < 6; ++i)
      memory.served(node(i), {.bytes = 1 << 20, .busy = 10ms, .silent = 0ms, .trip = trip});
    auto all = candidates(6, 3);
    all[1].warm = all[4].warm = all[5].warm = true;
    std::vector<unsigned> order;
    for (const NodeMemory::Start& start : memory.plan(all, 3)) order.push_back(start.piece);
    return order;
  };
  CHECK(chosen(1999us) == std::vector<unsigned>{1, 0, 2, 4, 5, 3});
  CHECK(chosen(2ms) == std::vector<unsigned>{1, 4, 5, 0, 2, 3});
  CHECK(chosen(0us) == std::vector<unsigned>{1, 4, 5, 0, 2, 3});
}

TEST_CASE("A node much slower than the typical one comes after the unknown ones, for a while") {
  test::HandClock clock;
  NodeMemory memory(clock);
  for (unsigned i = 0; i < 9; ++i) memory.delivered(node(i), 8e6);
  memory.delivered(node(9), 2.1e6);
  memory.delivered(node(10), 1.9e6);
  CHECK(memory.standing(node(9)) == Standing::kGood);
  CHECK(memory.standing(node(10)) == Standing::kSlow);
  const auto plan =
      memory.plan(std::vector<NodeMemory::Candidate>{{10, node(10)}, {11, node(11)}, {1, node(1)}}, 1);
  CHECK(plan[0] == NodeMemory::Start{1, How::kChosen});
  CHECK(plan[1] == NodeMemory::Start{11, How::kReserve});
  CHECK(plan[2] == NodeMemory::Start{10, How::kReserve});
  clock.set(59s);
  CHECK(memory.standing(node(10)) == Standing::kSlow);
  clock.set(60s);
  CHECK(memory.standing(node(10)) == Standing::kUnknown);
}

TEST_CASE("With few known rates nobody is called slow") {
  NodeMemory memory;
  memory.delivered(node(0), 1e9);
  memory.delivered(node(1), 1e9);
  memory.delivered(node(2), 1);
  CHECK(memory.standing(node(2)) == Standing::kGood);
}

TEST_CASE("A node's speed is smoothed") {
  NodeMemory memory;
  for (unsigned i = 0; i < 9; ++i) memory.delivered(node(i), 1e6);
  memory.delivered(node(1), 1);
  CHECK(memory.standing(node(1)) == Standing::kGood);
  for (int i = 0; i < 5; ++i) memory.delivered(node(1), 1);
  CHECK(memory.standing(node(1)) == Standing::kSlow);
}

TEST_CASE("A failed node is avoided, longer each time, until it delivers") {
  test::HandClock clock;
  NodeMemory memory(clock);
  memory.delivered(node(1), 1e6);
  memory.failed(node(1), Did::kFailed);
  CHECK(memory.standing(node(1)) == Standing::kBad);
  clock.set(30s);
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
  memory.failed(node(1), Did::kStalled);
  clock.set(89s);
  CHECK(memory.standing(node(1)) == Standing::kBad);
  clock.set(90s);
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
  memory.delivered(node(1), 1e6);
  CHECK(memory.standing(node(1)) == Standing::kGood);
  memory.failed(node(1), Did::kFailed);
  clock.set(120s);
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
}

TEST_CASE("A node that sent wrong data is avoided for ten minutes, and is the last to be asked") {
  test::HandClock clock;
  NodeMemory memory(clock);
  memory.failed(node(0), Did::kBadData);
  clock.set(599s);
  CHECK(memory.standing(node(0)) == Standing::kBad);
  CHECK(memory.plan(candidates(3, 3), 2).back().piece == 0);
  clock.set(600s);
  CHECK(memory.standing(node(0)) == Standing::kUnknown);
}

TEST_CASE("Of a node's round trips the shortest is kept, which says nothing about its standing") {
  NodeMemory memory;
  CHECK(memory.round_trip(node(1), 40ms) == 40ms);
  CHECK(memory.round_trip(node(1), 60ms) == 40ms);
  CHECK(memory.round_trip(node(1), 25ms) == 25ms);
  CHECK(memory.round_trip(node(2), 60ms) == 60ms);
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
}

TEST_CASE("Who was silent in the end has stalled, whatever it delivered before") {
  NodeMemory memory;
  memory.served(node(1), {.bytes = 1'000'000, .busy = 400ms, .silent = 299ms, .trip = 20ms});
  CHECK(memory.standing(node(1)) == Standing::kGood);
  memory.served(node(1), {.bytes = 1'000'000, .busy = 400ms, .silent = 300ms, .trip = 20ms});
  CHECK(memory.standing(node(1)) == Standing::kBad);
}

TEST_CASE("Far nodes may be silent for some round trips, those at an unknown distance for a second") {
  NodeMemory memory;
  const auto standing = [&](std::chrono::milliseconds silent, std::chrono::milliseconds trip) {
    static unsigned number = 0;
    memory.served(node(++number), {.bytes = 0, .busy = 0ms, .silent = silent, .trip = trip});
    return memory.standing(node(number));
  };
  CHECK(standing(1199ms, 200ms) == Standing::kUnknown);
  CHECK(standing(1200ms, 200ms) == Standing::kBad);
  CHECK(standing(999ms, 0ms) == Standing::kUnknown);
  CHECK(standing(1s, 0ms) == Standing::kBad);
}

TEST_CASE("A few bytes in a short time say nothing about a node") {
  NodeMemory memory;
  memory.served(node(1), {.bytes = 65'535, .busy = 199ms, .silent = 0ms, .trip = 20ms});
  CHECK(memory.standing(node(1)) == Standing::kUnknown);
  memory.served(node(1), {.bytes = 65'536, .busy = 1ms, .silent = 0ms, .trip = 20ms});
  CHECK(memory.standing(node(1)) == Standing::kGood);
  memory.served(node(2), {.bytes = 1, .busy = 200ms, .silent = 0ms, .trip = 20ms});
  CHECK(memory.standing(node(2)) == Standing::kGood);
}

TEST_CASE("Who was poor in an earlier run is slow until this one knows better, or an hour has passed") {
  test::HandClock clock;
  NodeMemory memory(clock);
  memory.recall(poor_before(0, 4, clock));
  memory.round_trip(node(0), 20ms);
  memory.delivered(node(1), 1e6);
  memory.failed(node(2), Did::kFailed);
  CHECK(memory.standing(node(0)) == Standing::kSlow);
  CHECK(memory.standing(node(1)) == Standing::kGood);
  CHECK(memory.standing(node(2)) == Standing::kBad);
  CHECK(memory.standing(node(3)) == Standing::kSlow);
  CHECK(memory.standing(node(4)) == Standing::kUnknown);
  clock.set(1h - 1s);
  CHECK(memory.standing(node(0)) == Standing::kSlow);
  CHECK(memory.standing(node(2)) == Standing::kUnknown);
  clock.set(1h);
  CHECK(memory.standing(node(0)) == Standing::kUnknown);
}

TEST_CASE("Poor nodes race only where the others are fewer than two for each place") {
  test::HandClock clock;
  const auto racing = [&](unsigned all, unsigned poor) {
    NodeMemory memory(clock);
    memory.recall(poor_before(0, poor, clock));
    return pieces(memory.plan(candidates(all, 3), 3), How::kRacing);
  };
  CHECK(racing(9, 0).size() == 9);
  CHECK(racing(9, 1) == std::vector<unsigned>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(racing(9, 3) == std::vector<unsigned>{3, 4, 5, 6, 7, 8});
  CHECK(racing(9, 4) == std::vector<unsigned>{4, 5, 6, 7, 8, 0});
  CHECK(racing(12, 2).size() == 9);
  CHECK(racing(4, 4).size() == 4);
}

TEST_CASE("What a run found: who was slow, who failed, and who did well") {
  test::HandClock clock;
  NodeMemory memory(clock);
  for (unsigned i = 0; i < 8; ++i) memory.delivered(node(i), 8e6);
  memory.failed(node(0), Did::kFailed);
  memory.failed(node(1), Did::kBadData);
  memory.failed(node(2), Did::kStalled);
  memory.round_trip(node(9), 20ms);
  clock.set(10s);
  const auto now = clock.wall_now();
  memory.delivered(node(1), 8e6);
  memory.delivered(node(2), 8e6);
  memory.served(node(8), {.bytes = 1'900'000, .busy = 1s, .silent = 0ms, .trip = 20ms});
  clock.set(20s);
  std::vector<NodeHistory::Finding> wanted;
  for (unsigned i = 0; i < 9; ++i)
    wanted.push_back({node(i), Verdict::kWell, i == 1 || i == 2 ? now : now - 10s});
  wanted[0].verdict = wanted[8].verdict = Verdict::kPoor;
  wanted[1].verdict = Verdict::kWrongData;
  wanted[8].seen = now;
  CHECK(memory.findings() == wanted);
}

TEST_CASE("A run finds slow only who was read for half a second") {
  NodeMemory memory;
  for (unsigned i = 0; i < 8; ++i) memory.delivered(node(i), 8e6);
  memory.served(node(8), {.bytes = 100'000, .busy = 250ms, .silent = 0ms, .trip = 20ms});
  CHECK(memory.standing(node(8)) == Standing::kSlow);
  CHECK(memory.findings().size() == 8);
  memory.served(node(8), {.bytes = 100'000, .busy = 250ms, .silent = 0ms, .trip = 20ms});
  REQUIRE(memory.findings().size() == 9);
  CHECK(memory.findings().back().verdict == Verdict::kPoor);
}

TEST_CASE("With few known rates a run finds only who failed") {
  NodeMemory memory;
  for (unsigned i = 0; i < 4; ++i) memory.delivered(node(i), 1e6);
  memory.failed(node(7), Did::kFailed);
  const auto found = memory.findings();
  REQUIRE(found.size() == 1);
  CHECK(found[0].node == node(7));
}

TEST_CASE("Where half of the nodes were poor, it was the line") {
  test::HandClock clock;
  NodeMemory memory(clock);
  for (unsigned i = 0; i < 5; ++i) memory.delivered(node(i), 8e6);
  for (unsigned i = 5; i < 9; ++i) memory.failed(node(i), Did::kFailed);
  CHECK(memory.findings().size() == 9);
  memory.failed(node(9), Did::kFailed);
  CHECK(memory.findings().size() == 5);
}

TEST_CASE("A fault is not a node's when nobody delivered any more") {
  test::HandClock clock;
  NodeMemory memory(clock);
  for (unsigned i = 0; i < 8; ++i) memory.delivered(node(i), 8e6);
  clock.set(2s);
  memory.failed(node(8), Did::kStalled);
  clock.set(2001ms);
  memory.failed(node(9), Did::kStalled);
  CHECK(memory.findings().size() == 9);
  CHECK(memory.findings().back().node == node(8));
  memory.delivered(node(0), 8e6);
  CHECK(memory.findings().back().node == node(9));
}
