#include "core/transfer/throttle.h"

#include <algorithm>

namespace sjcp::transfer {
namespace {

using std::chrono::nanoseconds;

constexpr uint64_t kBillion = 1'000'000'000;
// 100 GB/s: what 50 ms of it bring still counts in billionths of a byte.
constexpr uint64_t kHighestRate = 100 * kBillion;
constexpr uint64_t kLeastGrant = 512;
// What one read of a TLS connection brings at most.
constexpr uint64_t kUsualGrant = 16 << 10;

}  // namespace

uint64_t Throttle::clamped(uint64_t rate) {
  return std::min(rate, kHighestRate);
}

uint64_t Throttle::least() const {
  return std::clamp(rate() / 200, kLeastGrant, kUsualGrant);
}

uint64_t Throttle::capacity() const {
  return std::max(rate() / 20, least());
}

uint64_t Throttle::credit_at(Clock::Steady now) const {
  const uint64_t full = capacity() * kBillion;
  if (!started_ || now <= filled_) return std::min(credit_, full);
  const uint64_t fills_in = full / rate() + 1;  // nanoseconds
  const auto counted = std::min(static_cast<uint64_t>(nanoseconds(now - filled_).count()), fills_in);
  return std::min(credit_ + counted * rate(), full);
}

void Throttle::refill(Clock::Steady now) {
  credit_ = credit_at(now);
  if (!started_ || now > filled_) filled_ = now;
  started_ = true;
}

void Throttle::set_rate(uint64_t bytes_per_second, Clock::Steady now) {
  const std::lock_guard lock(mutex_);
  if (rate() == kNoLimit) {
    credit_ = 0;
    filled_ = now;
    started_ = true;
  } else {
    refill(now);
  }
  rate_.store(clamped(bytes_per_second), std::memory_order_relaxed);
}

size_t Throttle::allow(size_t want, Clock::Steady now) {
  if (rate() == kNoLimit) return want;
  const std::lock_guard lock(mutex_);
  if (rate() == kNoLimit) return want;
  refill(now);
  const uint64_t held = credit_ / kBillion;
  if (held < std::min<uint64_t>(want, least())) return 0;
  const uint64_t granted = std::min<uint64_t>(want, held);
  credit_ -= granted * kBillion;
  return static_cast<size_t>(granted);
}

void Throttle::give_back(size_t bytes) {
  if (bytes == 0 || rate() == kNoLimit) return;
  const std::lock_guard lock(mutex_);
  credit_ = std::min(credit_ + std::min<uint64_t>(bytes, capacity()) * kBillion, capacity() * kBillion);
}

Clock::Steady Throttle::next(Clock::Steady now) const {
  if (rate() == kNoLimit) return now;
  const std::lock_guard lock(mutex_);
  if (rate() == kNoLimit) return now;
  const uint64_t held = credit_at(now);
  const uint64_t wanted = least() * kBillion;
  if (held >= wanted) return now;
  const uint64_t wait = (wanted - held + rate() - 1) / rate();
  return now + nanoseconds(wait);
}

}  // namespace sjcp::transfer
