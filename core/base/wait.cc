#include "core/base/wait.h"

#include <condition_variable>
#include <mutex>

namespace sjcp {

bool wait_unless_stopped(Clock::Steady until, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, until, [] { return false; });
  return !stop.stop_requested();
}

bool wait_unless_stopped(std::chrono::nanoseconds time, const std::stop_token& stop) {
  return wait_unless_stopped(std::chrono::steady_clock::now() + time, stop);
}

}  // namespace sjcp
