#include "tests/network/misbehaviour.h"

#include <algorithm>
#include <utility>

namespace sjcp::network {

std::optional<CallFault> SatelliteFaults::take(const std::string& method) {
  std::lock_guard lock(mutex_);
  for (const std::string& name : {method, std::string("*")}) {
    const auto at = calls_.find(name);
    if (at == calls_.end()) continue;
    const CallFault fault = at->second;
    if (--at->second.count == 0) calls_.erase(at);
    return fault;
  }
  return std::nullopt;
}

bool RequestLimit::pass(std::chrono::steady_clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (per_second_ == 0) return true;
  const double seconds = std::chrono::duration<double>(now - std::exchange(filled_, now)).count();
  left_ = std::min(burst_, left_ + seconds * per_second_);
  if (left_ < 1) {
    ++refused_;
    return false;
  }
  left_ -= 1;
  return true;
}

std::chrono::hours SatelliteFaults::take_limit_age() {
  std::lock_guard lock(mutex_);
  if (expired_limits_ == 0) return std::chrono::hours(0);
  --expired_limits_;
  return std::chrono::hours(48);
}

}  // namespace sjcp::network
