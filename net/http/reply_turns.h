// Who reads the one reply that is read where several would not fit together.
//
// Some servers behind one name give the same bytes other tags, or stop serving ranges: then all bytes come
// from one reply at a time, from its begin to its end, and fetches that run side by side read it in turn,
// each from where the one before has stopped.  Where nobody comes for what follows, it is there already:
// after kGrace the next is whoever begins next behind it, and where nobody does, the first in the object.
//
// Pure: time is an argument.  Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <utility>

#include "core/base/clock.h"

namespace sjcp::http {

class ReplyTurns {
 public:
  static constexpr std::chrono::milliseconds kGrace{500};

  void wait(uint64_t position) { waiting_.insert(position); }
  void leave(uint64_t position) { waiting_.erase(waiting_.find(position)); }
  // Whether one that waits at `position` may read.
  bool may_read(uint64_t position, Clock::Steady now) const {
    if (busy_ || waiting_.empty()) return false;
    if (position == stopped_) return true;
    if (now - since_ < kGrace) return false;
    const auto next = waiting_.lower_bound(stopped_);
    return position == (next == waiting_.end() ? *waiting_.begin() : *next);
  }
  // False: somebody reads.
  bool begin() { return !std::exchange(busy_, true); }
  void end(uint64_t position, Clock::Steady now) {
    busy_ = false;
    stopped_ = position;
    since_ = now;
  }

 private:
  std::multiset<uint64_t> waiting_;
  bool busy_ = false;
  uint64_t stopped_ = 0;  // where the last one has
  Clock::Steady since_{};
};

}  // namespace sjcp::http
