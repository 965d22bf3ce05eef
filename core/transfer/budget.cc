#include "core/transfer/budget.h"

#include <algorithm>
#include <utility>

namespace sjcp::transfer {

MemoryBudget::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryBudget::Lease& MemoryBudget::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void MemoryBudget::Lease::release() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(std::exchange(bytes_, 0));
}

Result<MemoryBudget::Lease> MemoryBudget::acquire(uint64_t bytes, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  const bool granted = changed_.wait(lock, stop, [&] {
    if (queue_.front() != ticket) return false;
    return held_ == 0 || (held_ <= limit_ && bytes <= limit_ - held_);
  });
  // A stop that came first wins even where the bytes are free: nothing new begins after it.
  const bool cancelled = !granted || stop.stop_requested();
  queue_.erase(std::find(queue_.begin(), queue_.end(), ticket));
  if (!cancelled) held_ += bytes;
  // Whoever is at the head now may fit as well.
  changed_.notify_all();
  if (cancelled) return make_error(Errc::kCancelled, "stopped while waiting for memory");
  return Lease(this, bytes);
}

uint64_t MemoryBudget::held() const {
  std::lock_guard lock(mutex_);
  return held_;
}

size_t MemoryBudget::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void MemoryBudget::give_back(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  held_ -= bytes;
  changed_.notify_all();
}

}  // namespace sjcp::transfer
