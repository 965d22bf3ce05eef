#include "core/transfer/connection_budget.h"

#include <algorithm>
#include <utility>

namespace sjcp::transfer {

ConnectionBudget::Share::Share(Share&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      needed_(std::exchange(other.needed_, 0)),
      held_(std::exchange(other.held_, 0)),
      taken_(std::exchange(other.taken_, 0)) {}

ConnectionBudget::Share& ConnectionBudget::Share::operator=(Share&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    needed_ = std::exchange(other.needed_, 0);
    held_ = std::exchange(other.held_, 0);
    taken_ = std::exchange(other.taken_, 0);
  }
  return *this;
}

bool ConnectionBudget::Share::take() {
  if (owner_ == nullptr) return false;
  if (taken_ == held_) {
    if (!owner_->try_one()) return false;
    ++held_;
  }
  ++taken_;
  return true;
}

void ConnectionBudget::Share::put_back() {
  if (taken_ == 0) return;
  --taken_;
  // The ones that it needs stay its own until it has finished: a piece may have to be fetched again.
  if (held_ > needed_) {
    --held_;
    owner_->give_back(1);
  }
}

void ConnectionBudget::Share::release() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(std::exchange(held_, 0));
  needed_ = taken_ = 0;
}

Result<ConnectionBudget::Share> ConnectionBudget::open(size_t needed, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  const bool granted = changed_.wait(lock, stop, [&] {
    if (queue_.front() != ticket) return false;
    return held_ == 0 || (held_ <= limit_ && needed <= limit_ - held_);
  });
  const bool cancelled = !granted || stop.stop_requested();
  queue_.erase(std::find(queue_.begin(), queue_.end(), ticket));
  if (!cancelled) held_ += needed;
  changed_.notify_all();
  if (cancelled) return make_error(Errc::kCancelled, "stopped while waiting for connections");
  return Share(this, needed);
}

// Whoever waits for the connections that it cannot do without goes before those who would like one more.
bool ConnectionBudget::try_one() {
  const std::lock_guard lock(mutex_);
  if (!queue_.empty() || held_ >= limit_) return false;
  ++held_;
  return true;
}

void ConnectionBudget::give_back(size_t permits) {
  const std::lock_guard lock(mutex_);
  held_ -= permits;
  changed_.notify_all();
}

size_t ConnectionBudget::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

size_t ConnectionBudget::room() const {
  const std::lock_guard lock(mutex_);
  return held_ < limit_ ? limit_ - held_ : 0;
}

size_t ConnectionBudget::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace sjcp::transfer
