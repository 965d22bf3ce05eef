#include "net/storj/node_history.h"

#include <algorithm>
#include <utility>

#include "core/base/byte_record.h"

namespace sjcp::storj {
namespace {

using namespace std::chrono_literals;

constexpr RecordKind kKind{"sjcpnode", 1};
constexpr std::chrono::seconds kFirst = 1h;
constexpr std::chrono::seconds kLongest = 24h;
constexpr uint64_t kMostStrikes = 6;  // from here on it is the longest
// Numbers above it are no time of today's; below, nothing can overflow.
constexpr uint64_t kLatest = uint64_t{1} << 33;

uint64_t number_of(std::chrono::sys_seconds time) {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}

std::chrono::sys_seconds time_of(uint64_t number) {
  return std::chrono::sys_seconds(std::chrono::seconds(number));
}

}  // namespace

std::optional<NodeHistory> NodeHistory::parse(ByteView bytes) {
  if (bytes.size() > kMaxBytes) return std::nullopt;
  RecordReader in(kKind, bytes);
  NodeHistory history;
  const uint64_t count = in.number();
  if (count > kMaxNodes) return std::nullopt;
  for (uint64_t i = 0; i < count && in.good(); ++i) {
    const auto id = access::NodeId::from_bytes(in.text());
    const uint64_t seen = in.number();
    const uint64_t until = in.number();
    const uint64_t strikes = in.number();
    if (!id || seen > kLatest || until > kLatest || strikes == 0 || strikes > kMostStrikes)
      return std::nullopt;
    const Entry entry{time_of(seen), time_of(until), strikes};
    if (entry.until < entry.seen || entry.until - entry.seen > kLongest) return std::nullopt;
    // In the order of their ids, each once.
    if (!history.entries_.empty() && !(history.entries_.rbegin()->first < *id)) return std::nullopt;
    history.entries_[*id] = entry;
  }
  if (!in.complete()) return std::nullopt;
  return history;
}

std::string NodeHistory::serialize() const {
  RecordWriter out(kKind);
  out.number(entries_.size());
  for (const auto& [id, entry] : entries_) {
    out.text(id.view().text());
    out.number(number_of(entry.seen));
    out.number(number_of(entry.until));
    out.number(entry.strikes);
  }
  return std::move(out).finish();
}

void NodeHistory::add(std::span<const Finding> findings, Clock::Wall now) {
  const auto today = std::chrono::floor<std::chrono::seconds>(now);
  std::erase_if(entries_, [&](const auto& each) { return forgotten(each.second, today); });
  for (const Finding& finding : findings) {
    if (finding.seen > now) continue;
    if (finding.verdict != Verdict::kWell) {
      strike(finding);
      continue;
    }
    const auto found = entries_.find(finding.node);
    // Another run may have met it later.
    if (found != entries_.end() && found->second.seen <= finding.seen) entries_.erase(found);
  }
  drop_oldest();
}

void NodeHistory::strike(const Finding& finding) {
  const auto seen = std::chrono::floor<std::chrono::seconds>(finding.seen);
  Entry& entry = entries_[finding.node];
  entry.strikes = std::min(entry.strikes + 1, kMostStrikes);
  auto lasts = std::min(kFirst * (1 << (entry.strikes - 1)), kLongest);
  if (finding.verdict == Verdict::kWrongData) lasts = kLongest;
  entry.seen = std::max(entry.seen, seen);
  entry.until = std::max(entry.until, seen + lasts);
}

std::vector<NodeHistory::Poor> NodeHistory::poor(Clock::Wall now) const {
  const auto today = std::chrono::floor<std::chrono::seconds>(now);
  std::vector<Poor> out;
  for (const auto& [id, entry] : entries_) {
    if (!forgotten(entry, today) && today < entry.until) out.push_back({id, entry.until - today});
  }
  return out;
}

bool NodeHistory::forgotten(const Entry& entry, Time now) {
  return now < entry.seen || now - entry.seen >= kLongest;
}

void NodeHistory::drop_oldest() {
  if (entries_.size() <= kMaxNodes) return;
  std::vector<std::pair<Time, access::NodeId>> all;
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) all.emplace_back(entry.seen, id);
  const auto end = all.end() - static_cast<std::ptrdiff_t>(kMaxNodes);
  std::nth_element(all.begin(), end, all.end());
  for (auto it = all.begin(); it != end; ++it) entries_.erase(it->second);
}

}  // namespace sjcp::storj
