// What was found out about a satellite that its answers to other questions do not tell: whether it takes
// checksums of objects.  One that does not refuses whoever offers them; so it is asked once, and remembered
// in a file.
//
// Threads: any.
#pragma once

#include <atomic>
#include <string>

#include "core/access/node_id.h"
#include "core/base/clock.h"

namespace sjcp::storj {

class SatelliteMemory {
 public:
  // file: of this satellite and others, replaced as a whole; empty: nothing is kept.
  SatelliteMemory(std::string file, access::NodeId satellite, const Clock& clock = system_clock());

  // It does, or is not known not to.
  bool may_take_checksums() const { return checksums_.load(std::memory_order_relaxed); }
  // It has refused them; for a week it is not asked again.
  void refuses_checksums();

 private:
  const std::string file_;
  const access::NodeId satellite_;
  const Clock& clock_;
  std::atomic<bool> checksums_{true};
};

}  // namespace sjcp::storj
