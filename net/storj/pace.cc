#include "net/storj/pace.h"

#include <algorithm>

#include "core/base/wait.h"

namespace sjcp::storj {
namespace {

// A rate that changes meanwhile is seen soon.
constexpr auto kLongestWait = std::chrono::milliseconds(100);

}  // namespace

size_t Pace::limited(size_t want) {
  // Once there was nothing, the others of the segment need not ask.
  if (exhausted_) return 0;
  const size_t granted = throttle_->allow(want, std::chrono::steady_clock::now());
  exhausted_ = granted == 0;
  return granted;
}

Status Pace::wait(const std::stop_token& stop) {
  if (!exhausted_) return {};
  exhausted_ = false;
  const auto now = std::chrono::steady_clock::now();
  const auto until = std::min(throttle_->next(now), now + kLongestWait);
  if (!wait_unless_stopped(until, stop)) return make_error(Errc::kCancelled, "stopped");
  return {};
}

}  // namespace sjcp::storj
