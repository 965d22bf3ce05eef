// Lets segments in, as many at a time as the window says, whatever transfer they belong to.
//
// Threads: any.  A thread of its own watches the goodput and steers; it costs 20 looks a second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/transfer/permits.h"
#include "core/transfer/queue_control.h"
#include "core/transfer/segment_window.h"

namespace sjcp::transfer {

// An object smaller than this passes by the gate: it is over before the window could learn from it, and how
// many of them are in flight is what --transfers says.
inline constexpr uint64_t kPassesByGate = 1 << 20;

class SegmentGate {
 public:
  // One segment in flight; leaves when destroyed.  Movable between threads; must not outlive its gate.
  using Slot = Permits::Lease;

  // goodput: running total of bytes.  total: of how many, if that is known; may be null.  queue: that of the
  // line, if anybody watches it; may be null. allowed: shows the window's size to views; may be null.
  // interval: how often to look; 0: only when look() is called.  All of them must outlive the gate.
  SegmentGate(const SegmentWindow::Options& options, const std::atomic<uint64_t>& goodput,
              const std::atomic<uint64_t>* total, const QueueControl* queue, std::atomic<int64_t>* allowed,
              std::chrono::milliseconds interval = std::chrono::milliseconds(50),
              const Clock& clock = system_clock());
  ~SegmentGate();
  SegmentGate(const SegmentGate&) = delete;
  SegmentGate& operator=(const SegmentGate&) = delete;

  // Waits for a place, in order of arrival.  kCancelled when stop is requested meanwhile.
  Result<Slot> enter(const std::stop_token& stop) { return places_.acquire(1, stop); }

  // Tells the window how long finding an object took.
  void opened(std::chrono::nanoseconds took, bool divisible = false);
  // Shows the window what has come since.
  void look();

  // So many may begin on a long path, each on a connection of its own.
  unsigned ranges() const { return window_.ranges(); }
  unsigned allowed() const { return static_cast<unsigned>(places_.limit()); }
  unsigned in_flight() const { return static_cast<unsigned>(places_.held()); }
  size_t waiting() const { return places_.waiting(); }

 private:
  void watch(const std::stop_token& stop, std::chrono::milliseconds interval);
  // Calls change(window_) and makes its new size known.
  template <typename Change>
  void steer(Change change);

  const std::atomic<uint64_t>& goodput_;
  const std::atomic<uint64_t>* const total_;
  const QueueControl* const queue_;
  std::atomic<int64_t>* const allowed_;
  const Clock& clock_;
  std::mutex mutex_;  // guards the window
  SegmentWindow window_;
  Permits places_;
  std::jthread watcher_;
};

}  // namespace sjcp::transfer
