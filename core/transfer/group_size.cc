#include "core/transfer/group_size.h"

#include <algorithm>

namespace sjcp::transfer {
namespace {

constexpr double kSlower = 0.7;
constexpr double kFaster = 1.1;
// A bucket of the usual kind is full again after one second.
constexpr auto kFirstRest = std::chrono::seconds(1);
constexpr int kMostDoublings = 3;

}  // namespace

size_t GroupSize::limit() const {
  if (rate_ == 0) return size_;
  const auto half_a_second = static_cast<size_t>(rate_ / (2 * cost_));
  return std::clamp<size_t>(half_a_second, 1, size_);
}

size_t GroupSize::files() const {
  std::lock_guard lock(mutex_);
  return limit();
}

GroupSize::Time GroupSize::reserve(size_t files, Time now) {
  std::lock_guard lock(mutex_);
  if (rate_ == 0) return now;
  const Time start = std::max(now, next_);
  const std::chrono::duration<double> taken(static_cast<double>(files * cost_) / rate_);
  next_ = start + std::chrono::duration_cast<Time::duration>(taken);
  return start;
}

void GroupSize::succeeded(size_t files) {
  std::lock_guard lock(mutex_);
  refusals_ = 0;
  // A group that was small for want of files says nothing about larger ones.
  if (files >= limit()) size_ = std::min(size_ * 2, kMost);
  if (rate_ > 0) rate_ *= kFaster;
}

void GroupSize::refused() {
  std::lock_guard lock(mutex_);
  size_ = std::max<size_t>(size_ / 2, 1);
}

void GroupSize::limited(Time sent, Time now) {
  std::lock_guard lock(mutex_);
  if (rate_ > 0 && sent < changed_) return;
  changed_ = now;
  size_ = std::max<size_t>(size_ / 2, 1);
  rate_ = rate_ == 0 ? kUsualRate : std::max(rate_ * kSlower, kLeastRate);
  next_ = std::max(next_, now + kFirstRest * (1 << std::min(refusals_, kMostDoublings)));
  ++refusals_;
}

std::optional<double> GroupSize::pace() const {
  std::lock_guard lock(mutex_);
  return rate_ == 0 ? std::nullopt : std::optional(rate_);
}

}  // namespace sjcp::transfer
