#include "core/transfer/mirror_choice.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace sjcp::transfer {

std::optional<size_t> MirrorChoice::choose(Time now, size_t avoid) const {
  std::optional<size_t> best;
  std::tuple<bool, double, size_t> best_score;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (!member.there) continue;
    const bool stale = member.connections == 0 && now - member.measured > kStale;
    const bool untried = !member.rate || stale;
    // While the first fetch from a source has not shown anything, further ones may as well go there, if it
    // has fewer than the others.
    // A rate lags behind: many fetches may begin before the first of them shows that they share a line.
    const auto share = static_cast<double>(member.shared_by) / static_cast<double>(member.connections + 1);
    const double rate = untried ? std::numeric_limits<double>::infinity() : *member.rate * share;
    const std::tuple score{i != avoid, rate, SIZE_MAX - member.connections};
    if (best && score <= best_score) continue;
    best = i;
    best_score = score;
  }
  return best;
}

void MirrorChoice::pass_time(Member& member, Time now) {
  const double time = std::chrono::duration<double>(now - member.since).count();
  if (member.connections > 0) member.connection_seconds += time * static_cast<double>(member.connections);
  member.since = now;
}

// Ends the slice if it is long enough.
void MirrorChoice::measure(Member& member, double at_least, Time now) {
  if (member.connection_seconds <= 0 || member.connection_seconds < at_least) return;
  const double rate = static_cast<double>(member.bytes) / member.connection_seconds;
  // What another number of connections had says little of these.
  const size_t connections = std::max<size_t>(member.connections, 1);
  member.rate = member.rate && member.shared_by == connections ? (*member.rate + rate) / 2 : rate;
  member.shared_by = connections;
  member.measured = now;
  member.bytes = 0;
  member.connection_seconds = 0;
}

void MirrorChoice::began(size_t index, Time now) {
  Member& member = members_[index];
  pass_time(member, now);
  ++member.connections;
}

void MirrorChoice::received(size_t index, uint64_t bytes, Time now) {
  Member& member = members_[index];
  pass_time(member, now);
  member.bytes += bytes;
  const double slice = std::chrono::duration<double>(kSlice).count();
  measure(member, slice * static_cast<double>(member.connections), now);
}

void MirrorChoice::ended(size_t index, Time now) {
  Member& member = members_[index];
  pass_time(member, now);
  --member.connections;
  // One short fetch is better than nothing.
  if (!member.rate) measure(member, 0, now);
}

size_t MirrorChoice::left() const {
  return static_cast<size_t>(std::ranges::count(members_, true, &Member::there));
}

}  // namespace sjcp::transfer
