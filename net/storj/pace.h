// A segment's part in a rate that all transfers share: how many bytes it may move now, and the wait when the
// answer was none.
//
// A segment that may not read lets the bytes lie in the kernel, and TCP holds the nodes back.
//
// Threads: one, the segment's.
#pragma once

#include <cstddef>
#include <stop_token>

#include "core/base/result.h"
#include "core/transfer/throttle.h"

namespace sjcp::storj {

class Pace {
 public:
  // Null: there is no limit.  Must outlive this object.
  explicit Pace(transfer::Throttle* throttle) : throttle_(throttle) {}

  // Up to `want`; 0: nothing until wait() returns.
  size_t allow(size_t want) {
    if (throttle_ == nullptr || throttle_->rate() == transfer::Throttle::kNoLimit) return want;
    return limited(want);
  }
  void give_back(size_t bytes) {
    if (throttle_ != nullptr && bytes != 0) throttle_->give_back(bytes);
  }

  // At once unless the last allow() gave nothing.  kCancelled when stopped.
  Status wait(const std::stop_token& stop);

 private:
  size_t limited(size_t want);

  transfer::Throttle* const throttle_;
  bool exhausted_ = false;
};

}  // namespace sjcp::storj
