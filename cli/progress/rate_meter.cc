#include "cli/progress/rate_meter.h"

namespace sjcp::cli {

void RateMeter::add(Clock::Steady now, uint64_t bytes) {
  samples_.push_back({now, bytes});
  // The oldest sample kept is at or just beyond the edge of the window, so that the window is covered whole.
  while (samples_.size() > 2 && now - samples_[1].time >= window_) samples_.pop_front();
}

double RateMeter::bytes_per_second() const {
  if (samples_.size() < 2) return 0;
  double seconds = std::chrono::duration<double>(samples_.back().time - samples_.front().time).count();
  // A retried segment may count again, never backwards; guard all the same.
  if (seconds <= 0 || samples_.back().bytes < samples_.front().bytes) return 0;
  return static_cast<double>(samples_.back().bytes - samples_.front().bytes) / seconds;
}

}  // namespace sjcp::cli
