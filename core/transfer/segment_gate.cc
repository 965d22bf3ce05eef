#include "core/transfer/segment_gate.h"

#include <algorithm>

#include "core/base/wait.h"

namespace sjcp::transfer {

SegmentGate::SegmentGate(const SegmentWindow::Options& options, const std::atomic<uint64_t>& goodput,
                         const std::atomic<uint64_t>* total, const QueueControl* queue,
                         std::atomic<int64_t>* allowed, std::chrono::milliseconds interval,
                         const Clock& clock)
    : goodput_(goodput),
      total_(total),
      queue_(queue),
      allowed_(allowed),
      clock_(clock),
      window_(options),
      places_(window_.size(), "its turn") {
  if (allowed_ != nullptr) allowed_->store(window_.size(), std::memory_order_relaxed);
  if (interval.count() <= 0) return;
  watcher_ = std::jthread([this, interval](const std::stop_token& stop) { watch(stop, interval); });
}

SegmentGate::~SegmentGate() = default;

template <typename Change>
void SegmentGate::steer(Change change) {
  const std::lock_guard lock(mutex_);
  const unsigned before = window_.size();
  change(window_);
  if (window_.size() == before) return;
  if (allowed_ != nullptr) allowed_->store(window_.size(), std::memory_order_relaxed);
  places_.set_limit(window_.size());
}

void SegmentGate::opened(std::chrono::nanoseconds took, bool divisible) {
  steer([&](SegmentWindow& window) { window.opened(took, divisible); });
}

void SegmentGate::look() {
  steer([this](SegmentWindow& window) {
    const uint64_t bytes = goodput_.load(std::memory_order_relaxed);
    SegmentWindow::Sample sample{clock_.steady_now(), bytes, in_flight(), waiting() > 0,
                                 queue_ != nullptr && queue_->busy()};
    // Repetitions make more of the bytes than there are.
    if (total_ != nullptr) sample.left = std::max(total_->load(std::memory_order_relaxed), bytes) - bytes;
    window.observe(sample);
  });
}

void SegmentGate::watch(const std::stop_token& stop, std::chrono::milliseconds interval) {
  while (wait_unless_stopped(interval, stop)) look();
}

}  // namespace sjcp::transfer
