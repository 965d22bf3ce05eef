#include "core/transfer/permits.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sjcp::transfer {

Permits::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), count_(std::exchange(other.count_, 0)) {}

Permits::Lease& Permits::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    count_ = std::exchange(other.count_, 0);
  }
  return *this;
}

bool Permits::Lease::grow() {
  if (owner_ == nullptr || !owner_->take_one()) return false;
  ++count_;
  return true;
}

void Permits::Lease::shrink() {
  --count_;
  owner_->give_back(1);
}

void Permits::Lease::release() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(std::exchange(count_, 0));
}

Result<Permits::Lease> Permits::acquire(uint64_t count, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  const bool granted = changed_.wait(lock, stop, [&] {
    if (queue_.front() != ticket) return false;
    return held_ == 0 || (held_ <= limit_ && count <= limit_ - held_);
  });
  // A stop that came first wins even where there are enough: nothing new begins after it.
  const bool cancelled = !granted || stop.stop_requested();
  queue_.erase(std::find(queue_.begin(), queue_.end(), ticket));
  if (!cancelled) held_ += count;
  // Whoever is at the head now may get what it waits for as well.
  changed_.notify_all();
  if (cancelled) return make_error(Errc::kCancelled, std::string("stopped while waiting for ") + awaited_);
  return Lease(this, count);
}

void Permits::set_limit(uint64_t limit) {
  const std::lock_guard lock(mutex_);
  limit_ = limit;
  changed_.notify_all();
}

// Whoever waits goes before those who hold some and would like one more.
bool Permits::take_one() {
  const std::lock_guard lock(mutex_);
  if (!queue_.empty() || held_ >= limit_) return false;
  ++held_;
  return true;
}

void Permits::give_back(uint64_t count) {
  const std::lock_guard lock(mutex_);
  held_ -= count;
  changed_.notify_all();
}

uint64_t Permits::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_;
}

uint64_t Permits::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

uint64_t Permits::room() const {
  const std::lock_guard lock(mutex_);
  return held_ < limit_ ? limit_ - held_ : 0;
}

size_t Permits::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace sjcp::transfer
