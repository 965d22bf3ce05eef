#include "core/transfer/queue_control.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace sjcp::transfer {
namespace {

using namespace std::chrono_literals;
using Duration = QueueControl::Duration;
using Seconds = std::chrono::duration<double>;

constexpr Duration kLook = 50ms;
// After that long without a word, what was measured before says nothing about the time since.
constexpr Duration kPause = 500ms;
constexpr size_t kFewestPaths = 3;

// A queue this long is one: those of fast lines hold 20 ms.
constexpr Duration kStanding = 30ms;
constexpr unsigned kStandingLooks = 2;
constexpr size_t kRates = 4;
constexpr double kClimbing = 1.25;

// Short enough for a call or a game beside it, long enough to bridge the moments when some connections pause.
constexpr Duration kWanted = 35ms;
// Round trips are measured over the last few of them: a larger gain would overshoot before it sees what it
// did.
constexpr double kGain = 0.12;  // of the logarithm, per look
constexpr double kMostStep = 1.2;
// More is not offered beyond what arrives: where other things limit, there is no queue to end the growth.
constexpr double kMostOffer = 4;
// What was offered before is still sent: offering less and less meanwhile would leave the line idle later.
constexpr double kLeastOffer = 0.75;
constexpr double kPeakFade = 0.99;  // per look

constexpr uint64_t kMostWindow = 1 << 20;

// Who waits for its turn gets it when a connection's share is that large then.
constexpr double kGoodShare = 8 * QueueControl::kPacket;
// Who has it keeps it down to this.
constexpr double kPoorShare = 5 * QueueControl::kPacket;
// While the last pieces of one segment come, and the next one gets its nodes going, there are others.
constexpr size_t kFewestSegments = 3;

constexpr Duration kSettling = 200ms;
constexpr Duration kReleaseAfter = 1s;
// Less was offered, and it did not help: round trips have grown for another reason.
constexpr double kGivenUp = 0.5;
constexpr Duration kFutile = 4s;
constexpr Duration kRest = 60s;

Duration median(std::vector<Duration>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double mean(const std::deque<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

void QueueControl::Readers::set(unsigned count) {
  if (owner_ == nullptr || count == count_) return;
  const std::lock_guard lock(owner_->mutex_);
  if (count_ == 0) owner_->segments_.push_back(this);
  if (count == 0) std::erase(owner_->segments_, this);
  if (count_ == 0 || count == 0) may_read_.store(count == 0, std::memory_order_relaxed);
  count_ = count;
  owner_->give_turns();
}

void QueueControl::observe(std::span<const Path> paths, uint64_t bytes, Clock::Steady now) {
  const std::lock_guard lock(mutex_);
  if (!looking_ || now - look_begin_ >= kPause) {
    rates_.clear();
    begin_look(bytes, now);
  }
  // What the system took for those that waited comes at once, and says nothing about the line.
  if (std::exchange(turned_, false)) settled_ = now + kSettling;
  for (const Path& path : paths) {
    bases_.push_back(path.base);
    growths_.push_back(std::max(path.loaded - path.base, Duration(0)));
  }
  const Duration since = now - look_begin_;
  if (since < kLook || growths_.size() < kFewestPaths) return;
  if (now < settled_) return begin_look(bytes, now);
  const View view = finish_look(bytes, now);
  queue_ = view.growth;
  base_ = view.base;
  if (view.growth >= (steering() ? kWanted / 4 : kStanding)) short_ = now;
  busy_.store(now - short_ < (steering() ? kReleaseAfter : kLook), std::memory_order_relaxed);
  begin_look(bytes, now);
  if (steering()) {
    on_steering(view, since, now);
  } else {
    on_free(view, now);
  }
}

void QueueControl::begin_look(uint64_t bytes, Clock::Steady now) {
  looking_ = true;
  look_begin_ = now;
  look_bytes_ = bytes;
  bases_.clear();
  growths_.clear();
}

QueueControl::View QueueControl::finish_look(uint64_t bytes, Clock::Steady now) {
  const double rate = static_cast<double>(bytes - look_bytes_) / Seconds(now - look_begin_).count();
  View view;
  // While it climbs, connections are starting, and their queue passes.
  view.climbing = rates_.empty() || rate > kClimbing * std::ranges::max(rates_);
  rates_.push_back(rate);
  if (rates_.size() > kRates) rates_.pop_front();
  view.rate = mean(rates_);
  view.base = median(bases_);
  view.growth = median(growths_);
  return view;
}

void QueueControl::on_free(const View& view, Clock::Steady now) {
  if (view.growth < kStanding || view.climbing || now < rest_until_) {
    queued_ = 0;
    return;
  }
  if (++queued_ < kStandingLooks) return;
  total_ = peak_ = view.rate;
  long_ = now;
  steering_.store(true, std::memory_order_relaxed);
  give_turns();
}

void QueueControl::on_steering(const View& view, Duration since, Clock::Steady now) {
  peak_ = std::max(kPeakFade * peak_, view.rate);
  const double step = std::pow(Seconds(view.base + kWanted) / Seconds(view.base + view.growth),
                               kGain * (Seconds(since) / Seconds(kLook)));
  total_ = std::clamp(total_ * std::clamp(step, 1 / kMostStep, kMostStep), kLeastOffer * view.rate,
                      kMostOffer * peak_);
  if (view.growth <= kWanted || view.rate >= kGivenUp * peak_) long_ = now;
  const double share = total_ / std::max(readers_, 1U) * Seconds(view.base + kWanted).count();
  if (now - short_ >= kReleaseAfter && (total_ >= kMostOffer * peak_ || share >= kMostWindow)) release();
  if (now - long_ >= kFutile) {
    release();
    rest_until_ = now + kRest;
  }
  give_turns();
}

// With kFewestSegments and more, as many as leave a good share to each connection.
void QueueControl::give_turns() {
  const double line = total_ * Seconds(base_ + kWanted).count();
  readers_ = 0;
  bool turn = true;
  for (size_t i = 0; i < segments_.size(); ++i) {
    Readers& segment = *segments_[i];
    const double share = line / (readers_ + segment.count_);
    turn = turn &&
           (!steering() || i < kFewestSegments || share >= (segment.may_read() ? kPoorShare : kGoodShare));
    if (turn) readers_ += segment.count_;
    turned_ |= steering() && turn && !segment.may_read();
    segment.may_read_.store(turn, std::memory_order_relaxed);
  }
}

void QueueControl::release() {
  steering_.store(false, std::memory_order_relaxed);
  queued_ = 0;
}

std::optional<uint64_t> QueueControl::window(Duration base) const {
  if (!steering()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const double share =
      total_ / std::max(readers_, 1U) * Seconds((base > 0ns ? base : base_) + kWanted).count();
  if (share >= kMostWindow) return std::nullopt;
  return std::max(static_cast<uint64_t>(share), kLeastWindow);
}

Duration QueueControl::queue() const {
  const std::lock_guard lock(mutex_);
  return queue_;
}

}  // namespace sjcp::transfer
