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

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <utility>

#include "core/base/result.h"
#include "core/transfer/permits.h"

namespace sjcp::transfer {

class ConnectionBudget {
 public:
  // What one segment may open; gives it back when destroyed.
  class Share {
   public:
    Share() = default;

    // One connection more: true when the segment may open it now.  Never waits.
    bool take();
    // A connection taken has been closed or handed to the idle ones.
    void put_back();
    size_t taken() const { return taken_; }
    void release();

   private:
    friend class ConnectionBudget;
    Share(Permits::Lease lease, size_t needed) : lease_(std::move(lease)), needed_(needed) {}
    Permits::Lease lease_;  // of at least needed_
    size_t needed_ = 0;
    size_t taken_ = 0;  // in use
  };

  // most: connections that the process can have at all.
  explicit ConnectionBudget(size_t limit, size_t most = SIZE_MAX)
      : most_(most), permits_(limit, "connections") {}

  // Waits until `needed` permits are free.  kCancelled when stop is requested meanwhile; kLocalIo when there
  // can never be so many.
  Result<Share> open(size_t needed, const std::stop_token& stop);

  size_t limit() const { return permits_.limit(); }
  size_t held() const { return permits_.held(); }
  size_t room() const { return permits_.room(); }  // idle ones that may be kept beside what is held
  size_t waiting() const { return permits_.waiting(); }

 private:
  const size_t most_;
  Permits permits_;
};

}  // namespace sjcp::transfer
