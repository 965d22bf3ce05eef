// A place where N threads must meet: proves that N things happen at once, without sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace sjcp::test {

// The limit only ends tests that fail.
inline constexpr std::chrono::seconds kPatience{20};

class Rendezvous {
 public:
  explicit Rendezvous(unsigned expected) : expected_(expected) {}

  // Waits until `expected` calls have been made.  False: patience is over.
  bool arrive() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    return changed_.wait_for(lock, kPatience, [&] { return arrived_ >= expected_; });
  }
  // Counts as one arrival, without waiting.
  void pass() {
    std::lock_guard lock(mutex_);
    ++arrived_;
    changed_.notify_all();
  }
  // Waits for the others without being one of them.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return arrived_ >= expected_; });
  }
  unsigned arrived() const {
    std::lock_guard lock(mutex_);
    return arrived_;
  }

 private:
  const unsigned expected_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  unsigned arrived_ = 0;
};

}  // namespace sjcp::test
