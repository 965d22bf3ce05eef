#include "core/segment/piece_spread.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <functional>

using namespace sjcp::segment;
using namespace std::chrono_literals;
using Role = PieceSpread::Role;

namespace {

constexpr uint64_t kTrial = 64 << 10;
constexpr uint64_t kPiece = 2 << 20;

struct Node {
  double rate = 20e6;   // bytes per second
  double later = 20e6;  // after the first bytes
  std::chrono::milliseconds startup = 10ms;
  uint64_t stall_at = ~0ull;  // takes no byte beyond this
  bool silent = false;        // never sends a receipt
  std::chrono::milliseconds fails_at = 24h;
};

// A segment's pieces on their way to simulated nodes, in steps of a millisecond; reviewed every 50 ms.
class Simulation {
 public:
  Simulation(std::vector<Node> the_nodes, unsigned needed)
      : nodes(std::move(the_nodes)), sent(nodes.size()), spread({.needed = needed, .piece_size = kPiece}) {
    for (unsigned i = 0; i < nodes.size(); ++i) spread.add(i);
  }

  // Until so many are stored as are needed, or the time is over.  True: they are.
  bool run(std::chrono::milliseconds limit) {
    while (now < limit && spread.count(Role::kStored) < spread.needed()) {
      now += 1ms;
      for (unsigned i = 0; i < nodes.size(); ++i) move(i);
      if (review_due_ || now % 50ms == 0ms) review();
    }
    return spread.count(Role::kStored) >= spread.needed();
  }

  uint64_t total() const {
    uint64_t sum = 0;
    for (const uint64_t bytes : sent) sum += bytes;
    return sum;
  }
  unsigned complete() const { return static_cast<unsigned>(std::ranges::count(sent, kPiece)); }

  std::vector<Node> nodes;
  std::vector<uint64_t> sent;
  PieceSpread spread;
  std::chrono::milliseconds now{0};
  bool room = false;
  std::vector<std::pair<unsigned, std::chrono::milliseconds>> released;

 private:
  void move(unsigned i) {
    const Node& node = nodes[i];
    const Role role = spread.role(i);
    if (role == Role::kFailed || role == Role::kStored || now < node.startup) return;
    if (now >= node.fails_at) {
      spread.failed(i);
      review_due_ = true;
      return;
    }
    if (role == Role::kHeld) return;
    const auto step = static_cast<uint64_t>((sent[i] < kTrial ? node.rate : node.later) / 1000);
    sent[i] = std::min({sent[i] + step, kPiece, node.stall_at});
    if (role == Role::kTrying && sent[i] >= kTrial) spread.tried(i, now);
    if (sent[i] == kPiece && !node.silent) spread.stored(i, now);
  }

  void review() {
    review_due_ = false;
    std::vector<PieceSpread::Progress> leading;
    for (unsigned i = 0; i < nodes.size(); ++i) {
      if (spread.role(i) == Role::kLeading) leading.push_back({i, sent[i], room});
    }
    for (const unsigned piece : spread.review(leading, now)) released.emplace_back(piece, now);
  }

  bool review_due_ = false;
};

}  // namespace

TEST_CASE(
    "Between equal nodes only as many pieces as are needed are sent, and the first bytes of the others") {
  Simulation all(std::vector<Node>(80), 65);
  REQUIRE(all.run(1s));
  CHECK(all.complete() == 65);
  CHECK(all.total() < 65 * kPiece + kTrial * 2 * 15);
  CHECK(all.released.empty());
}

TEST_CASE("The nodes that take their first bytes first lead, however pieces are numbered") {
  std::vector<Node> nodes(10);
  for (unsigned i = 0; i < 4; ++i) nodes[i].startup = 100ms;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  for (unsigned i = 0; i < 4; ++i) CHECK(all.spread.role(i) != Role::kStored);
  CHECK(all.released.empty());
}

TEST_CASE("A node that never answers holds nobody up") {
  std::vector<Node> nodes(8);
  nodes[0].startup = nodes[1].startup = 24h;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  CHECK(all.complete() == 6);
}

TEST_CASE("A node that is slow from the beginning does not lead") {
  std::vector<Node> nodes(8);
  nodes[0].rate = nodes[0].later = 2e6;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  CHECK(all.spread.role(0) == Role::kHeld);
  CHECK(all.released.empty());
}

TEST_CASE("A held piece goes on as soon as a leading one fails") {
  std::vector<Node> nodes(8);
  nodes[2].fails_at = 63ms;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  REQUIRE(all.released.size() == 1);
  CHECK(all.released[0] == std::pair(6u, 63ms));
}

TEST_CASE("A slow piece gets one substitute, which is not taken for late itself") {
  std::vector<Node> nodes(10);
  nodes[1].later = 2e6;
  Simulation all(nodes, 6);
  REQUIRE(all.run(2s));
  // 256 KiB behind the others, which make 20 kB in a millisecond.
  REQUIRE(all.released.size() == 1);
  CHECK(all.released[0].second == 50ms);
  CHECK(all.now < 200ms);
  CHECK(all.spread.role(1) == Role::kLeading);
}

TEST_CASE("A piece that is only a little slower than the others is waited for") {
  std::vector<Node> nodes(10);
  nodes[1].later = 16e6;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  CHECK(all.released.empty());
}

TEST_CASE("A piece that stalls in the middle is replaced when the others are a quarter ahead") {
  std::vector<Node> nodes(10);
  nodes[3].stall_at = 1 << 20;
  Simulation all(nodes, 6);
  REQUIRE(all.run(1s));
  REQUIRE(all.released.size() == 1);
  // 10 ms for the start, 70 ms for what the others need to be 4/3 as far.
  CHECK(all.released[0].second == 100ms);
}

TEST_CASE("A node that takes all and says nothing is replaced after twice the time of half of the others") {
  std::vector<Node> nodes(10);
  nodes[0].silent = true;
  Simulation all(nodes, 6);
  REQUIRE(all.run(2s));
  REQUIRE(all.released.size() == 1);
  // Half were stored after 115 ms; it leads since 14 ms, and 100 ms are always granted.
  CHECK(all.released[0].second == 350ms);
  CHECK(all.complete() == 7);
}

TEST_CASE("As many are replaced as are late, and more when substitutes are late, too") {
  std::vector<Node> nodes(10);
  nodes[0].later = nodes[1].later = 1e6;
  nodes[6].stall_at = kTrial;
  Simulation all(nodes, 6);
  REQUIRE(all.run(2s));
  REQUIRE(all.released.size() == 3);
  CHECK(all.released[0] == std::pair(6u, 50ms));
  CHECK(all.released[1] == std::pair(7u, 50ms));
  CHECK(all.released[2].first == 8);
  CHECK(all.now < 250ms);
}

TEST_CASE("Where the path has room a few more pieces are sent, as soon as that can be known") {
  Simulation all(std::vector<Node>(10), 6);
  all.room = true;
  REQUIRE(all.run(1s));
  CHECK(all.released.size() == 4);
  // Three times the first bytes took 20 ms from the start on, and the next review is at 50.
  CHECK(all.released[0].second == 50ms);
  CHECK(all.spread.count(Role::kHeld) == 0);
}

TEST_CASE("Where the path has room pieces that stall are replaced beyond those few") {
  std::vector<Node> nodes(20);
  for (unsigned i = 0; i < 3; ++i) nodes[i].stall_at = 400 << 10;
  Simulation all(std::move(nodes), 6);
  all.room = true;
  REQUIRE(all.run(1s));
  CHECK(all.released.size() == 5 + 3);
}

TEST_CASE("Pieces no larger than the first bytes are all sent") {
  PieceSpread spread({.needed = 2, .piece_size = kTrial});
  for (unsigned i = 0; i < 4; ++i) spread.add(i);
  CHECK(spread.count(Role::kLeading) == 4);
}

TEST_CASE("Where enough are stored and others are wanted, all that are held go on") {
  PieceSpread spread({.needed = 2, .piece_size = kPiece});
  for (unsigned i = 0; i < 4; ++i) spread.add(i);
  for (unsigned i = 0; i < 4; ++i) spread.tried(i, 1ms);
  spread.stored(0, 2ms);
  spread.stored(1, 2ms);
  CHECK(spread.release_all(3ms) == std::vector<unsigned>{2, 3});
  CHECK(spread.role(3) == Role::kLeading);
}

TEST_CASE("A piece that begins again is tried again") {
  PieceSpread spread({.needed = 2, .piece_size = kPiece});
  for (unsigned i = 0; i < 3; ++i) spread.add(i);
  spread.failed(0);
  spread.add(0);
  CHECK(spread.role(0) == Role::kTrying);
  CHECK(spread.tried(1, 1ms) == Role::kLeading);
  CHECK(spread.tried(2, 1ms) == Role::kLeading);
  CHECK(spread.tried(0, 1ms) == Role::kHeld);
}

TEST_CASE(
    "The front is where the last piece is that the segment needs, and a typical one where that is stuck") {
  PieceSpread spread({.needed = 3, .piece_size = kPiece});
  for (unsigned i = 0; i < 5; ++i) spread.add(i);
  for (unsigned i = 0; i < 3; ++i) CHECK(spread.tried(i, 0ms) == Role::kLeading);
  const auto at = [](uint64_t a, uint64_t b, uint64_t c) {
    return std::vector<PieceSpread::Progress>{{0, a, false}, {1, b, false}, {2, c, false}};
  };
  CHECK(spread.front(at(900, 500, 100), 10ms) == 100);
  CHECK(spread.front(at(900, 800, 200), 20ms) == 200);
  CHECK(spread.front(at(900, 800, 200), 220ms) == 200);
  CHECK(spread.front(at(900, 800, 200), 221ms) == 800);
  CHECK(spread.front(at(900, 800, 300), 222ms) == 300);
  // What is stored is ahead of all.
  spread.stored(0, 230ms);
  const std::vector<PieceSpread::Progress> rest{{1, 800, false}, {2, 400, false}};
  CHECK(spread.front(rest, 230ms) == 400);
}

TEST_CASE("Fewer pieces than are needed have no front") {
  PieceSpread spread({.needed = 3, .piece_size = kPiece});
  for (unsigned i = 0; i < 5; ++i) spread.add(i);
  CHECK(spread.tried(0, 0ms) == Role::kLeading);
  CHECK(spread.front(std::vector<PieceSpread::Progress>{{0, 900, false}}, 10ms) == 0);
}

TEST_CASE(
    "A piece whose node does nothing is given up after its time, or four times that while others move") {
  PieceSpread spread({.needed = 2, .piece_size = kPiece});
  for (unsigned i = 0; i < 4; ++i) spread.add(i);
  using Pieces = std::vector<unsigned>;
  using Silences = std::vector<PieceSpread::Silence>;
  const auto given_up = [&](const Silences& open) { return spread.given_up(open); };
  // Connected, and dialling.
  CHECK(given_up({{0, true, false, 30s}, {1, false, false, 10s}}).empty());
  CHECK(given_up({{0, true, false, 30s + 1ns}, {1, false, false, 10s}}) == Pieces{0});
  CHECK(given_up({{0, true, false, 30s}, {1, false, false, 10s + 1ns}}) == Pieces{1});
  // Others have moved just now.  Who is only dialling has not.
  CHECK(given_up({{0, true, false, 120s}, {1, false, false, 40s}, {2, true, false, 5s - 1ns}}).empty());
  CHECK(given_up({{0, true, false, 120s + 1ns}, {1, false, false, 40s + 1ns}, {2, true, false, 5s - 1ns}}) ==
        Pieces{0, 1});
  CHECK(given_up({{0, true, false, 31s}, {1, false, false, 0s}}) == Pieces{0});
  CHECK(given_up({{0, true, false, 31s}, {2, true, false, 5s}}) == Pieces{0});
  // Who waits for others, or is held, waits for no node, but may show that there is life.
  CHECK(given_up({{0, true, true, 1h}}).empty());
  CHECK(given_up({{0, true, true, 0s}, {1, true, false, 31s}}).empty());
  CHECK(spread.tried(0, 1ms) == Role::kLeading);
  CHECK(spread.tried(1, 1ms) == Role::kLeading);
  CHECK(spread.tried(2, 1ms) == Role::kHeld);
  CHECK(given_up({{2, true, false, 1h}, {1, true, false, 31s}}) == Pieces{1});
}
