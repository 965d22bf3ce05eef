#include "core/transfer/mirror_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace sjcp::transfer {

// Of each connection, if all of them shared one line.  Requires: the rate is known.
double MirrorChoice::rate_with(const Member& member, size_t connections) {
  return *member.rate * static_cast<double>(member.shared_by) /
         static_cast<double>(std::max<size_t>(connections, 1));
}

// What one more connection would have.  While the first fetch from a source has not shown anything, further
// ones may as well go there, if it has fewer than the others.  A rate lags behind: many fetches may begin
// before the first of them shows that they share a line.
double MirrorChoice::promise(const Member& member, Time now) {
  const bool stale = member.connections == 0 && now - member.measured > kStale;
  const bool untried = !member.rate || stale;
  return untried ? std::numeric_limits<double>::infinity() : rate_with(member, member.connections + 1);
}

std::optional<size_t> MirrorChoice::choose(Time now, size_t avoid) const {
  std::optional<size_t> best;
  std::tuple<bool, bool, double, size_t> best_score;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (!member.there) continue;
    const std::tuple score{i != avoid, !member.alone, promise(member, now), SIZE_MAX - member.connections};
    if (best && score <= best_score) continue;
    best = i;
    best_score = score;
  }
  return best;
}

std::optional<MirrorChoice::Move> MirrorChoice::move(Time now) const {
  const auto to = choose(now);
  if (!to) return std::nullopt;
  const double promised = promise(members_[*to], now);
  // One that is not known yet is tried by one fetch.
  if (std::isinf(promised) && members_[*to].connections > 0) return std::nullopt;
  std::optional<size_t> from;
  double slowest = promised / kMuchFaster;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    const bool trying = std::isinf(promised);
    if (i == *to || member.connections < (trying ? 2 : 1) || (!trying && !member.rate)) continue;
    const double rate = member.rate ? rate_with(member, member.connections) : 0;
    if (rate > slowest) continue;
    slowest = rate;
    from = i;
  }
  if (!from) return std::nullopt;
  return Move{*from, *to};
}

bool MirrorChoice::worth(const Move& move, uint64_t rest, Time now) const {
  const Member& from = members_[move.from];
  if (!from.rate) return rest > 0;
  const auto bytes = static_cast<double>(rest);
  const double before = bytes / rate_with(from, from.connections);
  const double after = bytes / promise(members_[move.to], now);
  return before - after >= kWorthOpenings * opening_;
}

void MirrorChoice::opened(std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  opening_ = opening_ > 0 ? (3 * opening_ + seconds) / 4 : seconds;
}

void MirrorChoice::pass_time(Member& member, Time now) {
  const double time = std::chrono::duration<double>(now - member.since).count();
  if (member.connections > 0) member.connection_seconds += time * static_cast<double>(member.connections);
  member.since = now;
}

// Ends the slice if it is long enough.
bool MirrorChoice::measure(Member& member, double at_least, Time now) {
  if (member.connection_seconds <= 0 || member.connection_seconds < at_least) return false;
  const double rate = static_cast<double>(member.bytes) / member.connection_seconds;
  // What another number of connections had says little of these.
  const size_t connections = std::max<size_t>(member.connections, 1);
  member.rate = member.rate && member.shared_by == connections ? (*member.rate + rate) / 2 : rate;
  member.shared_by = connections;
  member.measured = now;
  member.bytes = 0;
  member.connection_seconds = 0;
  return true;
}

void MirrorChoice::began(size_t index, Time now) {
  Member& member = members_[index];
  pass_time(member, now);
  ++member.connections;
}

bool MirrorChoice::received(size_t index, uint64_t bytes, Time now) {
  Member& member = members_[index];
  pass_time(member, now);
  member.bytes += bytes;
  const double slice = std::chrono::duration<double>(kSlice).count();
  return measure(member, slice * static_cast<double>(member.connections), now);
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
