// Lets files of a batch in, as many at a time as the window says.
//
// Threads: any.
#pragma once

#include <mutex>
#include <stop_token>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/transfer/file_window.h"
#include "core/transfer/permits.h"

namespace sjcp::transfer {

class FileGate {
 public:
  // One file in flight; leaves when destroyed.
  using Place = Permits::Lease;

  explicit FileGate(FileWindow::Options options, const Clock& clock = system_clock());

  // Waits for a place, in order of arrival.  kCancelled when stop is requested meanwhile.
  Result<Place> enter(const std::stop_token& stop) { return places_.acquire(1, stop); }

  // As the window's.
  void answered(std::chrono::nanoseconds took);
  void ended();

  unsigned most() const { return most_; }
  unsigned allowed() const { return static_cast<unsigned>(places_.limit()); }

 private:
  const unsigned most_;
  const Clock& clock_;
  std::mutex mutex_;  // guards the window
  FileWindow window_;
  Permits places_;
};

}  // namespace sjcp::transfer
