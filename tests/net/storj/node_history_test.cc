#include "net/storj/node_history.h"

#include "core/base/byte_record.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace std::chrono_literals;
using storj::NodeHistory;
using Finding = NodeHistory::Finding;
using Poor = NodeHistory::Poor;
using Verdict = NodeHistory::Verdict;

namespace {

constexpr Clock::Wall kNow{480'000h};

access::NodeId node(unsigned number) {
  Bytes bytes(access::NodeId::kSize, 7);
  for (size_t i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return *access::NodeId::from_bytes(bytes);
}

void add(NodeHistory& history, unsigned number, Verdict verdict, Clock::Wall seen, Clock::Wall now) {
  const Finding finding{node(number), verdict, seen};
  history.add({&finding, 1}, now);
}

NodeHistory sample() {
  NodeHistory history;
  add(history, 1, Verdict::kPoor, kNow, kNow);
  add(history, 2, Verdict::kWrongData, kNow - 1h, kNow);
  add(history, 1, Verdict::kPoor, kNow, kNow);
  return history;
}

// How long node 1 is poor from now on, in seconds; 0: it is not.
std::chrono::seconds left(const NodeHistory& history, Clock::Wall now) {
  const auto poor = history.poor(now);
  return poor.empty() ? 0s : poor[0].left;
}

// A record of one entry that has a good checksum.
std::string record(std::string_view id, std::array<uint64_t, 3> numbers, uint64_t count = 1) {
  RecordWriter out({"sjcpnode", 1});
  out.number(count);
  out.text(id);
  for (const uint64_t number : numbers) out.number(number);
  return std::move(out).finish();
}

}  // namespace

TEST_CASE("A history gives back what was kept") {
  CHECK(NodeHistory::parse(sample().serialize()) == sample());
  CHECK(NodeHistory::parse(NodeHistory().serialize()) == NodeHistory());
  CHECK(sample().poor(kNow) == std::vector<Poor>{{node(1), 2h}, {node(2), 23h}});
}

TEST_CASE("A history that was cut short, extended or damaged anywhere is none") {
  const std::string bytes = sample().serialize();
  CHECK_FALSE(NodeHistory::parse(bytes + "x"));
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(NodeHistory::parse(bytes.substr(0, size)));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    for (int change = 1; change < 256; ++change) {
      damaged[at] = static_cast<char>(bytes[at] ^ change);
      if (NodeHistory::parse(damaged)) FAIL("byte " << at << " changed by " << change);
    }
  }
}

TEST_CASE("A whole record that cannot be a history is none") {
  const std::string id = node(1).view().str();
  const uint64_t now = 1'728'000'000;
  CHECK(NodeHistory::parse(record(id, {now, now + 3600, 1})));
  CHECK_FALSE(NodeHistory::parse(record(id.substr(1), {now, now + 3600, 1})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now - 1, 1})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 86'401, 1})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, UINT64_MAX, 1})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 3600, 0})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 3600, 7})));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 3600, 1}, 0)));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 3600, 1}, 2)));
  CHECK_FALSE(NodeHistory::parse(record(id, {now, now + 3600, 1}, UINT64_MAX)));
  RecordWriter later({"sjcpnode", 2});
  later.number(0);
  const std::string of_later = std::move(later).finish();
  CHECK_FALSE(NodeHistory::parse(of_later));
  // No time of today's.
  CHECK_FALSE(NodeHistory::parse(record(id, {UINT64_MAX, UINT64_MAX, 1})));
}

TEST_CASE("A poor node is poor for an hour, and for twice as long with each run that finds it so again") {
  NodeHistory history;
  auto now = kNow;
  for (const auto hours : {1h, 2h, 4h, 8h, 16h, 24h, 24h}) {
    add(history, 1, Verdict::kPoor, now, now);
    CHECK(left(history, now) == hours);
    now += hours - 1s;
    CHECK(left(history, now) == 1s);
  }
  CHECK(left(history, now + 1s) == 0s);
}

TEST_CASE("A day after it was made an entry is forgotten, with how often it was made") {
  NodeHistory history;
  add(history, 1, Verdict::kPoor, kNow, kNow);
  add(history, 1, Verdict::kPoor, kNow, kNow);
  add(history, 1, Verdict::kPoor, kNow + 24h, kNow + 24h);
  CHECK(left(history, kNow + 24h) == 1h);
  add(history, 2, Verdict::kWell, kNow + 48h, kNow + 48h);
  CHECK(history == NodeHistory());
}

TEST_CASE("Time counts from when a node was seen, not from the end of the run") {
  NodeHistory history;
  add(history, 1, Verdict::kPoor, kNow - 40min, kNow);
  CHECK(left(history, kNow) == 20min);
  add(history, 2, Verdict::kPoor, kNow - 2h, kNow);
  CHECK(history.poor(kNow).size() == 1);
}

TEST_CASE("Who did well is no longer poor, unless another run met it later") {
  NodeHistory history = sample();
  add(history, 1, Verdict::kWell, kNow - 1s, kNow);
  CHECK(history == sample());
  add(history, 1, Verdict::kWell, kNow, kNow);
  CHECK(history.poor(kNow) == std::vector<Poor>{{node(2), 23h}});
  add(history, 3, Verdict::kWell, kNow, kNow);
  CHECK(history.poor(kNow).size() == 1);
}

TEST_CASE("A clock that was set back makes nobody poor for longer") {
  const NodeHistory history = sample();
  CHECK(left(history, kNow - 1s) == 23h + 1s);  // that of node 2, seen an hour before; node 1 counts no more
  CHECK(history.poor(kNow - 1h - 1s).empty());
  NodeHistory ahead = sample();
  ahead.add({}, kNow - 24h);
  CHECK(ahead == NodeHistory());
  // Of a run during which the clock was set back.
  add(ahead, 1, Verdict::kPoor, kNow + 1s, kNow);
  CHECK(ahead == NodeHistory());
}

TEST_CASE("A clock that was set ahead forgets") {
  CHECK(sample().poor(kNow + 24h).empty());
}

TEST_CASE("Of too many nodes those that were seen longest ago go, and what is kept stays small") {
  std::vector<Finding> findings;
  for (unsigned i = 0; i < NodeHistory::kMaxNodes + 500; ++i) {
    // In no order of their numbers.
    findings.push_back({node(i * 7919 % 10'007), Verdict::kPoor, kNow - std::chrono::seconds(i)});
  }
  NodeHistory history;
  history.add(findings, kNow);
  const auto poor = history.poor(kNow);
  CHECK(poor.size() == NodeHistory::kMaxNodes);
  CHECK(std::ranges::all_of(poor, [](const Poor& each) { return each.left > 1h - 2000s; }));
  const std::string bytes = history.serialize();
  CHECK(bytes.size() <= NodeHistory::kMaxBytes);
  CHECK(NodeHistory::parse(bytes) == history);
}
