// A number of permits, handed out in order of arrival: what the budgets of memory, of connections and of
// segments in flight are made of.
//
// Whoever asks for many is not starved by those who ask for few.  Whoever asks for more than there are gets
// them when nothing else is held, so that the limit never stops everything.
//
// Threads: any; a lease belongs to one thread at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>

#include "core/base/result.h"

namespace sjcp::transfer {

class Permits {
 public:
  // Permits held; gives them back when destroyed.  Movable between threads; must not outlive its Permits.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }

    uint64_t count() const { return count_; }
    // One more, if there is one that nobody waits for.  False for a lease that was released.
    bool grow();
    // Gives one back.  Requires: count() > 0.
    void shrink();
    void release();

   private:
    friend class Permits;
    Lease(Permits* owner, uint64_t count) : owner_(owner), count_(count) {}
    Permits* owner_ = nullptr;
    uint64_t count_ = 0;
  };

  // awaited: what those who wait wait for, in the text of errors; a literal.
  Permits(uint64_t limit, const char* awaited) : awaited_(awaited), limit_(limit) {}

  // Blocks until there are so many.  kCancelled when stop is requested meanwhile, or was before.
  Result<Lease> acquire(uint64_t count, const std::stop_token& stop);
  // What is held above a lower limit stays held.
  void set_limit(uint64_t limit);

  uint64_t limit() const;
  uint64_t held() const;
  uint64_t room() const;  // of the limit, what is not held
  size_t waiting() const;

 private:
  bool take_one();
  void give_back(uint64_t count);

  const char* const awaited_;
  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  uint64_t limit_;
  uint64_t held_ = 0;
  uint64_t next_ticket_ = 0;
  std::deque<uint64_t> queue_;  // tickets of the waiters in order of arrival
};

}  // namespace sjcp::transfer
