#include "core/transfer/group_size.h"

#include <algorithm>
#include <cmath>

namespace sjcp::transfer {
namespace {

using Seconds = std::chrono::duration<double>;

// The most by which a refusal slows the pace down: when little has passed, that may be due to others.
constexpr double kSlower = 0.7;
// The pace doubles while so many seconds' worth pass, by the cube: 2 % in the first quarter of it.
constexpr double kSecondsToDouble = 20;
constexpr double kMostRate = 1e6;
// Requests that nobody sent meanwhile may be sent later, up to so much.
constexpr auto kSaved = std::chrono::milliseconds(500);
// After a refusal the server's bucket gets so much ahead of the one here, which bears a pace slightly too
// fast for some seconds and makes these a measurement.
constexpr auto kAhead = std::chrono::milliseconds(250);
constexpr int kMostDoublings = 5;

Clock::Steady::duration time_of(double seconds) {
  return std::chrono::duration_cast<Clock::Steady::duration>(Seconds(seconds));
}

}  // namespace

double GroupSize::rate() const {
  return base_ * (1 + std::pow(grown_ / base_ / kSecondsToDouble, 3));
}

size_t GroupSize::limit() const {
  if (base_ == 0) return size_;
  const auto half_a_second = static_cast<size_t>(rate() / (2 * cost_));
  return std::clamp<size_t>(half_a_second, 1, size_);
}

size_t GroupSize::files() const {
  std::lock_guard lock(mutex_);
  return limit();
}

std::optional<GroupSize::Time> GroupSize::book(size_t files, Time now) {
  std::lock_guard lock(mutex_);
  if (drained_ == Time()) drained_ = now;
  if (base_ == 0) return std::nullopt;
  const auto need = time_of(static_cast<double>(files * cost_) / rate());
  const Time ready = empty_ + need;
  if (now < ready) return ready;
  empty_ = std::max(ready, now - kSaved);
  return std::nullopt;
}

void GroupSize::succeeded(size_t files) {
  std::lock_guard lock(mutex_);
  refusals_ = 0;
  // A group that was small for want of files says nothing about larger ones.
  if (files >= limit()) size_ = std::min(size_ * 2, kMost);
  passed_ += static_cast<double>(files * cost_);
  if (base_ == 0) return;
  grown_ += static_cast<double>(files * cost_);
  if (grown_ < base_ * kSecondsToDouble) return;
  base_ = std::min(base_ * 2, kMostRate);
  grown_ = 0;
}

void GroupSize::refused() {
  std::lock_guard lock(mutex_);
  size_ = std::max<size_t>(size_ / 2, 1);
}

double GroupSize::measured(size_t refused_files, Time now) const {
  const double seconds = std::max(Seconds(now - drained_).count(), 1e-3);
  // The bucket was full at first, of a second's worth as a rule.
  if (base_ == 0) return std::clamp(passed_ / (1 + seconds), kUsualRate, kMostRate);
  // What passed of the refused group is not told: half of it, on average.
  const double passed = passed_ + static_cast<double>(refused_files * cost_) / 2;
  return std::max(std::clamp(passed / seconds, rate() * kSlower, rate()), kLeastRate);
}

int GroupSize::limited(size_t files, Time sent, Time now) {
  std::lock_guard lock(mutex_);
  if (base_ > 0 && sent < drained_) {
    empty_ = std::max<Time>(empty_, now + kAhead);
    return refusals_;
  }
  size_ = std::max<size_t>(size_ / 2, 1);
  base_ = measured(files, now);
  grown_ = passed_ = 0;
  drained_ = now;
  empty_ = now + kAhead * (1 << std::min(refusals_, kMostDoublings));
  return ++refusals_;
}

std::optional<double> GroupSize::pace() const {
  std::lock_guard lock(mutex_);
  return base_ == 0 ? std::nullopt : std::optional(rate());
}

}  // namespace sjcp::transfer
