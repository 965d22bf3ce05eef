#include "core/transfer/segment_gate.h"

#include <algorithm>
#include <utility>

namespace sjcp::transfer {

SegmentGate::Slot::Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}

SegmentGate::Slot& SegmentGate::Slot::operator=(Slot&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
  }
  return *this;
}

void SegmentGate::Slot::release() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->leave();
}

SegmentGate::SegmentGate(const SegmentWindow::Options& options, const std::atomic<uint64_t>& goodput,
                         std::atomic<int64_t>* allowed, std::chrono::milliseconds interval,
                         const Clock& clock)
    : goodput_(goodput), allowed_(allowed), clock_(clock), window_(options) {
  if (allowed_ != nullptr) allowed_->store(window_.size(), std::memory_order_relaxed);
  if (interval.count() <= 0) return;
  watcher_ = std::jthread([this, interval](const std::stop_token& stop) { watch(stop, interval); });
}

SegmentGate::~SegmentGate() = default;

Result<SegmentGate::Slot> SegmentGate::enter(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  const bool granted =
      changed_.wait(lock, stop, [&] { return queue_.front() == ticket && in_flight_ < window_.size(); });
  const bool cancelled = !granted || stop.stop_requested();
  queue_.erase(std::find(queue_.begin(), queue_.end(), ticket));
  if (!cancelled) ++in_flight_;
  changed_.notify_all();
  if (cancelled) return make_error(Errc::kCancelled, "stopped while waiting for its turn");
  return Slot(this);
}

void SegmentGate::leave() {
  const std::lock_guard lock(mutex_);
  --in_flight_;
  changed_.notify_all();
}

template <typename Change>
void SegmentGate::steer(Change change) {
  const std::lock_guard lock(mutex_);
  const unsigned before = window_.size();
  change(window_);
  if (window_.size() == before) return;
  if (allowed_ != nullptr) allowed_->store(window_.size(), std::memory_order_relaxed);
  changed_.notify_all();
}

void SegmentGate::opened(std::chrono::nanoseconds took) {
  steer([&](SegmentWindow& window) { window.opened(took); });
}

void SegmentGate::look() {
  steer([this](SegmentWindow& window) {
    window.observe(
        {clock_.steady_now(), goodput_.load(std::memory_order_relaxed), in_flight_, !queue_.empty()});
  });
}

void SegmentGate::watch(const std::stop_token& stop, std::chrono::milliseconds interval) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    never.wait_for(lock, stop, interval, [] { return false; });
    look();
  }
}

unsigned SegmentGate::allowed() const {
  const std::lock_guard lock(mutex_);
  return window_.size();
}

unsigned SegmentGate::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

size_t SegmentGate::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace sjcp::transfer
