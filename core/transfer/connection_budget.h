// How many connections a process may hold open to storage nodes.
//
// A segment opens a Share: the connections without which it cannot finish, granted in one go and in order of
// arrival, so that no two segments ever wait for each other with half of what they need.  More than these
// come one by one while there are any (take()).  A segment that needs more than the whole budget gets it when
// nobody else holds anything.
//
// Idle connections that are kept for later have no permit of their own: their owner keeps at most room() of
// them, so that held and idle ones together stay within the limit.
//
// Threads: any; a Share belongs to one thread at a time and must not outlive its budget.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>

#include "core/base/result.h"

namespace sjcp::transfer {

class ConnectionBudget {
 public:
  // What one segment may open.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept;
    Share& operator=(Share&& other) noexcept;
    ~Share() { release(); }

    // One connection more: true when the segment may open it now.  Never waits.
    bool take();
    // A connection taken has been closed or handed to the idle ones.
    void put_back();
    size_t taken() const { return taken_; }
    void release();

   private:
    friend class ConnectionBudget;
    Share(ConnectionBudget* owner, size_t needed) : owner_(owner), needed_(needed), held_(needed) {}
    ConnectionBudget* owner_ = nullptr;
    size_t needed_ = 0;
    size_t held_ = 0;   // permits, >= needed_
    size_t taken_ = 0;  // of them in use
  };

  explicit ConnectionBudget(size_t limit) : limit_(limit) {}

  // Waits until `needed` permits are free.  kCancelled when stop is requested meanwhile.
  Result<Share> open(size_t needed, const std::stop_token& stop);

  size_t limit() const { return limit_; }
  size_t held() const;
  size_t room() const;  // idle connections that may be kept beside what is held
  size_t waiting() const;

 private:
  bool try_one();
  void give_back(size_t permits);

  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  size_t held_ = 0;
  uint64_t next_ticket_ = 0;
  std::deque<uint64_t> queue_;  // tickets of the waiters in order of arrival
};

}  // namespace sjcp::transfer
