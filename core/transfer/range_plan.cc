#include "core/transfer/range_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sjcp::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What an equal share, or a part taken before any rate is known, has at least, in units of min_split: a new
// connection is slow at first.
constexpr uint64_t kSharesOf = 4;
constexpr uint64_t kLeastSplit = 16 * kKiB;
// A rate is that of the last one to two of these.
constexpr auto kRateWindow = seconds(1);
constexpr auto kShortestRate = milliseconds(20);
constexpr double kTooSlow = 0.25;  // of its siblings' median
// However slow a fetch is, its end is computed as if it were no slower than this share of the others.
constexpr double kSlowestCounted = 1.0 / 64;
constexpr auto kShortestSilence = seconds(1);
// Bytes that a sibling receives, in units of min_split, before silence is more than chance.
constexpr double kSilenceOf = 2;
// A split is worth it where it saves as much time as so many openings.  The new connection has to get up to
// speed after it is open, and the other one, which is up to speed, is lost at the cut.
constexpr double kWorthOpenings = 3;
// In ordered modes a part takes as long as so many openings, so that these cost little.
constexpr double kOpeningsPerPart = 16;
constexpr uint64_t kFrontPart = 8 * kMiB;
constexpr uint64_t kStrictPart = 1 * kMiB;

// At most an hour, which is for ever here.
std::chrono::nanoseconds time_of(double amount) {
  const std::chrono::duration<double> time(std::min(amount, 3600.0));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time);
}

double seconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

RangePlan::RangePlan(const std::vector<ByteRange>& missing, const Options& options) : options_(options) {
  for (const ByteRange& range : missing) {
    if (range.size() == 0) continue;
    pool_[range.begin] = {range.end, 0};
    pool_bytes_ += range.size();
  }
}

bool RangePlan::worth(Time now) const {
  return !pool_.empty() || best_split(now).has_value();
}

std::optional<RangePlan::Part> RangePlan::take(Time now, size_t coming) {
  if (!pool_.empty()) {
    const auto at = next_free();
    const uint64_t begin = at->first;
    const Free free = at->second;
    const ByteRange range{begin, begin + share(free.end - begin, coming, now)};
    pool_.erase(at);
    pool_bytes_ -= range.size();
    if (range.end < free.end) pool_[range.end] = free;
    return start(range, free.replaced, now);
  }
  const auto found = best_split(now);
  if (!found) return std::nullopt;
  Active& victim = parts_.at(found->victim);
  const ByteRange range{found->at, std::exchange(victim.end, found->at)};
  return start(range, victim.replaced, now);
}

std::map<uint64_t, RangePlan::Free>::iterator RangePlan::next_free() {
  if (options_.order != Order::kAny || keeps_parts_) return pool_.begin();
  return std::ranges::max_element(pool_, {}, [](const auto& free) { return free.second.end - free.first; });
}

RangePlan::Part RangePlan::start(const ByteRange& range, unsigned replaced, Time now) {
  Active part;
  part.next = range.begin;
  part.end = range.end;
  part.replaced = replaced;
  part.started = part.last = now;
  const Id id = next_id_++;
  parts_[id] = part;
  most_active_ = std::max(most_active_, parts_.size());
  return {id, range};
}

// How much of a free range of so many bytes one fetch gets.
uint64_t RangePlan::share(uint64_t range, size_t coming, Time now) const {
  if (keeps_parts_) return range;
  const size_t fetches = parts_.size() + 1 + coming;
  uint64_t bytes = options_.order == Order::kAny
                       ? std::max(pool_bytes_ / (1 + coming) + 1, kSharesOf * options_.min_split)
                       : ordered_share(fetches, now);
  // What is left must be worth a request, too.
  if (bytes + options_.min_split > range) bytes = range;
  return bytes;
}

uint64_t RangePlan::ordered_share(size_t fetches, Time now) const {
  const double opening = opening_ ? seconds_of(*opening_) : 0;
  const double rate = typical_rate(now);
  const auto worth_opening = static_cast<uint64_t>(kOpeningsPerPart * opening * rate);
  uint64_t bytes = std::max(options_.order == Order::kFront ? kFrontPart : kStrictPart, worth_opening);
  // Shorter towards the end, so that all end together.
  const uint64_t least = std::max(options_.min_split, static_cast<uint64_t>(opening * rate));
  bytes = std::min(bytes, std::max(least, 3 * pool_bytes_ / (4 * fetches)));
  if (options_.order == Order::kStrict) {
    bytes = std::min(bytes, std::max(options_.min_split, options_.ahead / fetches));
  }
  return bytes;
}

void RangePlan::arrived(Id id, uint64_t offset, Time now) {
  Active& part = parts_.at(id);
  offset = std::min(offset, part.end);
  if (offset <= part.next) return;
  part.next = offset;
  part.last = now;
  if (!part.from) {
    const Duration opening = now - part.started;
    opening_ = opening_ ? (3 * *opening_ + opening) / 4 : opening;
    part.from = part.following = {now, offset};
  } else if (now - part.following.time >= kRateWindow) {
    part.from = std::exchange(part.following, {now, offset});
  }
}

void RangePlan::hold(Id id, Time now) {
  parts_.at(id).held = now;
}

void RangePlan::go_on(Id id, Time now) {
  Active& part = parts_.at(id);
  if (!part.held) return;
  const Duration time = now - *part.held;
  part.held.reset();
  part.started += time;
  part.last = now;
  if (part.from) part.from->time += time;
  part.following.time += time;
}

void RangePlan::ended(Id id, uint64_t offset, Time now) {
  if (const double rate = typical_rate(now); rate > 0) last_rate_ = rate;
  const auto at = parts_.find(id);
  const Active part = at->second;
  parts_.erase(at);
  if (offset >= part.end) return;
  pool_[offset] = {part.end, part.replaced};
  pool_bytes_ += part.end - offset;
}

bool RangePlan::look(Time now) {
  if (keeps_parts_) return worth(now);
  for (auto& [id, part] : parts_) {
    if (part.lost || part.held || part.rest() == 0 || part.replaced >= kMostReplacements) continue;
    if (!silent(id, part, now) && !too_slow(id, part, now)) continue;
    pool_[part.next] = {part.end, part.replaced + 1};
    pool_bytes_ += part.rest();
    part.end = part.next;
    part.lost = true;
    ++replacements_;
  }
  return worth(now);
}

// Bytes per second; nothing while that cannot be told.
std::optional<double> RangePlan::rate(const Active& part, Time now) const {
  const Time until = part.held.value_or(now);
  if (!part.from || until - part.from->time < kShortestRate) return std::nullopt;
  return static_cast<double>(part.next - part.from->offset) / seconds_of(until - part.from->time);
}

// The median of the fetches' rates; 0 when none is known.
double RangePlan::median_rate(Time now, Id except) const {
  std::vector<double> rates;
  for (const auto& [id, part] : parts_) {
    if (id == except || part.lost) continue;
    if (const auto known = rate(part, now)) rates.push_back(*known);
  }
  if (rates.empty()) return 0;
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::ranges::nth_element(rates, middle);
  return *middle;
}

// What a further fetch will probably get.
double RangePlan::typical_rate(Time now, Id except) const {
  const double median = median_rate(now, except);
  return median > 0 ? median : last_rate_;
}

// Those that are young will be as fast as the others.
double RangePlan::likely_rate(const Active& part, Time now) const {
  const double own = rate(part, now).value_or(0);
  const double typical = typical_rate(now);
  const bool young = part.held.value_or(now) - part.started < fair_time(now, SIZE_MAX);
  return young ? std::max(own, typical) : std::max(own, typical * kSlowestCounted);
}

double RangePlan::seconds_left(const Active& part, Time now) const {
  const double rate = likely_rate(part, now);
  return rate > 0 ? static_cast<double>(part.rest()) / rate : std::numeric_limits<double>::infinity();
}

std::optional<RangePlan::Split> RangePlan::best_split(Time now) const {
  if (keeps_parts_) return std::nullopt;
  std::pair<double, uint64_t> longest{};
  Id victim = SIZE_MAX;
  for (const auto& [id, part] : parts_) {
    if (part.lost || part.rest() == 0) continue;
    const std::pair candidate{seconds_left(part, now), part.rest()};
    if (candidate <= longest) continue;
    longest = candidate;
    victim = id;
  }
  if (victim == SIZE_MAX) return std::nullopt;
  return split(victim, parts_.at(victim), now);
}

std::optional<RangePlan::Split> RangePlan::split(Id victim, const Active& part, Time now) const {
  const auto rest = static_cast<double>(part.rest());
  const double old_rate = likely_rate(part, now);
  const double other_rate = typical_rate(now, victim);
  const double new_rate = other_rate > 0 ? other_rate : old_rate;
  if (old_rate <= 0 || new_rate <= 0) {
    const uint64_t half = part.rest() / 2;
    if (half < kSharesOf * options_.min_split) return std::nullopt;
    return Split{victim, part.end - half};
  }
  const double opening = opening_ ? seconds_of(*opening_) : 0;
  // Both end together.
  const double bytes = (rest / old_rate - opening) / (1 / old_rate + 1 / new_rate);
  // Where everything is slow a long time saved is worth it, however few the bytes.
  const double request =
      std::min(static_cast<double>(options_.min_split) / new_rate, std::max(1.0, 4 * opening));
  if (bytes < static_cast<double>(kLeastSplit) ||
      bytes / old_rate < std::max(kWorthOpenings * opening, request)) {
    return std::nullopt;
  }
  return Split{victim, part.end - static_cast<uint64_t>(bytes)};
}

// How long it takes until a rate says something: for a connection to get up to speed, and for siblings to
// receive what chance does not even out.
RangePlan::Duration RangePlan::fair_time(Time now, Id except) const {
  Duration time = seconds(1);
  if (opening_) time += 2 * *opening_;
  const double rate = typical_rate(now, except);
  if (rate <= 0) return time;
  const double chance = static_cast<double>(options_.min_split) / rate;
  return std::max(time, time_of(chance));
}

bool RangePlan::too_slow(Id id, const Active& part, Time now) const {
  const double typical = median_rate(now, id);
  const auto own = rate(part, now);
  if (typical <= 0 || !own || *own >= kTooSlow * typical) return false;
  if (now - part.started < fair_time(now, id) * (1 << part.replaced)) return false;
  // Not when it is nearly there.
  const auto rest = static_cast<double>(part.rest());
  const double opening = opening_ ? seconds_of(*opening_) : 0;
  return rest > *own * 2 * (opening + rest / typical);
}

bool RangePlan::silent(Id id, const Active& part, Time now) const {
  const double typical = typical_rate(now, id);
  if (typical <= 0) return false;
  const double chance = kSilenceOf * static_cast<double>(options_.min_split) / typical;
  Duration limit = std::max<Duration>(kShortestSilence, time_of(chance));
  if (opening_) limit = std::max(limit, 4 * *opening_);
  limit *= 1 << part.replaced;
  if (now - part.last < limit) return false;
  // Towards the end nobody may be left to compare with, but somebody has nothing to do.
  if (parts_.size() < most_active_) return true;
  return std::ranges::any_of(parts_, [&](const auto& other) {
    return other.first != id && !other.second.lost && now - other.second.last < limit / 4;
  });
}

}  // namespace sjcp::transfer
