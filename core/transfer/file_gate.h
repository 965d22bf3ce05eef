// How many files of a batch may be in flight: a window for many threads, with the clock.
//
// Threads: any.
#pragma once

#include <mutex>

#include "core/base/clock.h"
#include "core/transfer/file_window.h"

namespace sjcp::transfer {

class FileGate {
 public:
  // clock outlives it.
  explicit FileGate(FileWindow::Options options, const Clock& clock = system_clock())
      : most_(options.most), clock_(clock), window_(options) {}

  // As the window's.
  void answered(std::chrono::nanoseconds took) {
    const std::lock_guard lock(mutex_);
    window_.answered(took);
  }
  void ended(bool wanted) {
    const std::lock_guard lock(mutex_);
    window_.ended(clock_.steady_now(), wanted);
  }

  unsigned allowed() const {
    const std::lock_guard lock(mutex_);
    return window_.size();
  }
  unsigned most() const { return most_; }

 private:
  const unsigned most_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  FileWindow window_;
};

}  // namespace sjcp::transfer
