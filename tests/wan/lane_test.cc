#include "tests/wan/lane.h"
#include "tests/support/catch.h"

namespace sjcp::wan {
namespace {

using namespace std::chrono_literals;

constexpr Train kOne{0, 1, 1000, 1000};
// 1 byte per microsecond.
constexpr uint64_t kRate = 8'000'000;

std::vector<Run> send(Lane& lane, Time at, const Train& train = kOne) {
  std::vector<Run> out;
  lane.send(at, train, out);
  return out;
}

}  // namespace

TEST_CASE("A lane without a rate delays by exactly its distance and keeps trains whole") {
  LaneSettings settings;
  settings.delay = 40ms;
  Lane lane(settings, 1);
  CHECK(send(lane, 3ms, {0, 44, 1500, 700}) == std::vector<Run>{{0, 44, 43ms}});
  CHECK(lane.counters().packets == 44);
  CHECK(lane.counters().bytes == 43 * 1500 + 700);
}

TEST_CASE("A rate parts a train into runs of at most half a millisecond, each due with its last packet") {
  LaneSettings settings;
  settings.delay = 10ms;
  settings.hop = {kRate, 1s};
  Lane lane(settings, 1);
  // Packets leave every 200 us; the last is shorter.
  const std::vector<Run> expected{{0, 3, 10'600us}, {3, 6, 11'200us}, {6, 8, 11'500us}};
  CHECK(send(lane, 0s, {0, 8, 200, 100}) == expected);
}

TEST_CASE("A full queue drops the tail of a train and counts it") {
  LaneSettings settings;
  settings.hop = {kRate, 400us};
  Lane lane(settings, 1);
  // The third begins to be sent after exactly 400 us, the fourth would after 600.
  CHECK(send(lane, 0s, {0, 5, 200, 200}) == std::vector<Run>{{0, 3, 600us}});
  CHECK(lane.counters().queue_full == 2);
}

TEST_CASE("Loss takes its share of wire packets, the same ones for the same seed") {
  LaneSettings settings;
  settings.loss = 0.005;
  const auto lost_of = [&](uint64_t seed) {
    Lane lane(settings, seed);
    for (int i = 0; i < 10'000; ++i) send(lane, Time(i), {0, 44, 1500, 1500});
    return lane.counters().lost;
  };
  // 2200 of 440,000 expected, with a deviation of 47.
  CHECK(lost_of(1) > 2000);
  CHECK(lost_of(1) < 2400);
  CHECK(lost_of(1) == lost_of(1));
  CHECK(lost_of(1) != lost_of(2));
}

TEST_CASE("A lost packet parts its train; all others of it arrive") {
  LaneSettings settings;
  settings.loss = 0.1;
  Lane lane(settings, 5);
  const auto runs = send(lane, 0s, {0, 44, 1500, 1500});
  uint64_t arrived = 0;
  uint32_t next = 0;
  for (const Run& run : runs) {
    CHECK((run.begin > next || run.begin == 0));
    arrived += run.end - run.begin;
    next = run.end;
  }
  CHECK(lane.counters().lost > 0);
  CHECK(arrived + lane.counters().lost == 44);
  CHECK(runs.size() > 1);
}

TEST_CASE("Jitter varies the distance within its bounds and never lets a train overtake") {
  LaneSettings settings;
  settings.delay = 10ms;
  settings.jitter = 5ms;
  Lane lane(settings, 3);
  Time last{0};
  Time least = 1h, most{0};
  for (int i = 0; i < 1000; ++i) {
    const Time sent = i * 10ms;
    const Time took = send(lane, sent).at(0).at - sent;
    least = std::min(least, took);
    most = std::max(most, took);
  }
  CHECK(least >= 10ms);
  CHECK(least < 10'100us);
  CHECK(most <= 15ms);
  CHECK(most > 14'900us);
  for (int i = 0; i < 1000; ++i) {
    const Time at = send(lane, 10s + i * 10us).at(0).at;
    CHECK(at >= last);
    last = at;
  }
}

TEST_CASE("A dead lane lets nothing through") {
  LaneSettings settings;
  settings.dead = true;
  Lane lane(settings, 1);
  CHECK(send(lane, 0s).empty());
  CHECK(lane.counters().dead == 1);
}

TEST_CASE("A stalling lane falls silent after its bytes, for its time, again and again") {
  LaneSettings settings;
  settings.stall_after = 3000;
  settings.stall_for = 15s;
  Lane lane(settings, 1);
  for (int round = 0; round < 2; ++round) {
    const Time begin = round * 20s;
    for (int i = 0; i < 3; ++i) CHECK(send(lane, begin).size() == 1);
    CHECK(send(lane, begin).empty());
    CHECK(send(lane, begin + 15s - 1ns).empty());
  }
  CHECK(send(lane, 35s).size() == 1);
  CHECK(lane.counters().stalled == 4);
}

TEST_CASE("After a change to a shorter distance nothing overtakes what is on its way") {
  LaneSettings settings;
  settings.delay = 100ms;
  Lane lane(settings, 1);
  CHECK(send(lane, 0s).at(0).at == Time(100ms));
  settings.delay = 10ms;
  lane.change(1ms, settings);
  CHECK(send(lane, 1ms).at(0).at == Time(100ms));
  CHECK(send(lane, 95ms).at(0).at == Time(105ms));
}

TEST_CASE("A shared hop drops what no longer fits and says how many") {
  Hop hop({kRate, 400us});
  std::vector<Run> runs;
  CHECK(pass_hop(hop, 0s, {2, 7, 200, 200}, runs) == 2);
  CHECK(runs == std::vector<Run>{{2, 5, 600us}});
}

}  // namespace sjcp::wan
