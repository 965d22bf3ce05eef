// The lock that huggingface_hub and sjcp hold on a blob of the cache while they write it.
//
// Whoever finds it taken waits, for then the blob comes without being fetched twice: as long as its writer
// gets on, which the files beside the blob show (partial ones have its name in theirs).  The lock saves
// bytes, not correctness: blobs appear by a rename, and where nothing can be locked, or its holder stands
// still, the answer is to go on without.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/local/descriptor.h"

namespace sjcp::hf {

// Whether somebody else's work is worth waiting for.  Pure; one thread.
class ProgressWatch {
 public:
  // state: a number that changes with what is watched.
  ProgressWatch(std::chrono::seconds patience, uint64_t state, Clock::Steady now)
      : patience_(patience), state_(state), changed_(now) {}
  // False: it has stood still for too long.
  bool waits(uint64_t state, Clock::Steady now);

 private:
  const std::chrono::seconds patience_;
  uint64_t state_;
  Clock::Steady changed_;
};

class BlobLock {
 public:
  static constexpr std::chrono::seconds kPatience{120};
  static constexpr std::chrono::milliseconds kPause{250};  // between two looks

  // Blocks.  waiting: called once when the lock is another process's.  kCancelled, and no other error.
  Status acquire(const std::string& path, const std::string& blob, const std::function<void()>& waiting,
                 const std::stop_token& stop);

 private:
  local::Descriptor file_;  // locked while it is open
};

}  // namespace sjcp::hf
