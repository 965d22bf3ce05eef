// One byte budget for everything in flight.
//
// Whoever is about to hold large buffers acquires their size first and keeps the Lease as long as the buffers
// live.  Waiters are served in order of arrival, so a large request is not starved by small ones.  A request
// above the whole budget is granted when nothing else is held: one segment at a time always works.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>

#include "core/base/result.h"

namespace sjcp::transfer {

class MemoryBudget {
 public:
  // Bytes held; gives them back when destroyed.  Movable between threads; must not outlive its budget.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    uint64_t bytes() const { return bytes_; }
    void release();

   private:
    friend class MemoryBudget;
    Lease(MemoryBudget* owner, uint64_t bytes) : owner_(owner), bytes_(bytes) {}
    MemoryBudget* owner_ = nullptr;
    uint64_t bytes_ = 0;
  };

  explicit MemoryBudget(uint64_t limit_bytes) : limit_(limit_bytes) {}

  // Blocks until the bytes are free.  kCancelled when stop is requested meanwhile.
  Result<Lease> acquire(uint64_t bytes, const std::stop_token& stop);

  uint64_t limit() const { return limit_; }
  uint64_t held() const;
  size_t waiting() const;

 private:
  void give_back(uint64_t bytes);

  const uint64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t held_ = 0;
  uint64_t next_ticket_ = 0;
  std::deque<uint64_t> queue_;  // tickets of the waiters in order of arrival
};

}  // namespace sjcp::transfer
