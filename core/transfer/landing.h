// A segment or part on its way up, as far as it has arrived: shown as progress until it is whole and counted
// as done, taken back when it is not.
//
// Threads: one.
#pragma once

#include <cstdint>

#include "core/transfer/context.h"

namespace sjcp::transfer {

class Landing {
 public:
  explicit Landing(Counters& counters) : counters_(counters) {}
  ~Landing() { reach(0); }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

  // So many bytes of the object have arrived.
  void reach(uint64_t bytes) {
    const auto arrived = static_cast<int64_t>(bytes);
    counters_.bytes_landing.fetch_add(arrived - arrived_, std::memory_order_relaxed);
    arrived_ = arrived;
  }
  void more(uint64_t bytes) { reach(static_cast<uint64_t>(arrived_) + bytes); }

 private:
  Counters& counters_;
  int64_t arrived_ = 0;
};

}  // namespace sjcp::transfer
