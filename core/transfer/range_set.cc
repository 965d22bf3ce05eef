#include "core/transfer/range_set.h"

#include <algorithm>
#include <iterator>

namespace sjcp::transfer {

void RangeSet::add(ByteRange range) {
  if (range.begin >= range.end) return;
  auto at = ranges_.upper_bound(range.begin);
  // The one before may reach up to the new one, or beyond its begin.
  if (at != ranges_.begin() && std::prev(at)->second >= range.begin) --at;
  while (at != ranges_.end() && at->first <= range.end) {
    range.begin = std::min(range.begin, at->first);
    range.end = std::max(range.end, at->second);
    bytes_ -= at->second - at->first;
    at = ranges_.erase(at);
  }
  ranges_.emplace_hint(at, range.begin, range.end);
  bytes_ += range.size();
}

bool RangeSet::contains(ByteRange range) const {
  if (range.begin >= range.end) return true;
  const auto after = ranges_.upper_bound(range.begin);
  return after != ranges_.begin() && std::prev(after)->second >= range.end;
}

std::vector<ByteRange> RangeSet::ranges() const {
  std::vector<ByteRange> out;
  out.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) out.push_back({begin, end});
  return out;
}

std::vector<ByteRange> RangeSet::missing(ByteRange whole) const {
  std::vector<ByteRange> out;
  auto at = ranges_.upper_bound(whole.begin);
  if (at != ranges_.begin()) whole.begin = std::max(whole.begin, std::prev(at)->second);
  for (; whole.begin < whole.end; ++at) {
    const uint64_t end = at == ranges_.end() ? whole.end : std::min(at->first, whole.end);
    if (end > whole.begin) out.push_back({whole.begin, end});
    if (at == ranges_.end()) break;
    whole.begin = at->second;
  }
  return out;
}

}  // namespace sjcp::transfer
