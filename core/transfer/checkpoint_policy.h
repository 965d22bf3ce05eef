// When an unfinished download makes what it has durable.
//
// Often enough that a crash costs little: after each 1/32 of the object, but at least 8 MiB, and once a
// second while anything is new.  Seldom enough to cost nothing: three times as long as the last checkpoint
// took passes before the next, so that a slow disk is not kept busy by it, unless 1/20 of the object, and
// 48 MiB, would be lost.
//
// Pure; time comes from the caller.  Threads: one at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/clock.h"
#include "core/base/units.h"

namespace sjcp::transfer {

class CheckpointPolicy {
 public:
  static constexpr std::chrono::seconds kLongest{1};
  static constexpr int kRestFactor = 3;

  CheckpointPolicy(uint64_t size_bytes, Clock::Steady start)
      : enough_(std::max<uint64_t>(8 * kMiB, size_bytes / 32)),
        pressing_(std::max<uint64_t>(48 * kMiB, size_bytes / 20)),
        last_(start),
        rest_until_(start) {}

  // When the next one is due if nothing more arrives; nothing: not before it does.
  std::optional<Clock::Steady> due(uint64_t new_bytes) const {
    if (new_bytes == 0) return std::nullopt;
    if (new_bytes >= pressing_) return last_;
    return new_bytes >= enough_ ? rest_until_ : std::max(rest_until_, last_ + kLongest);
  }
  void done(Clock::Steady begin, Clock::Steady end) {
    last_ = end;
    rest_until_ = end + kRestFactor * (end - begin);
  }

 private:
  const uint64_t enough_;    // new bytes that are worth a checkpoint of their own
  const uint64_t pressing_;  // that end the rest
  Clock::Steady last_;
  Clock::Steady rest_until_;
};

}  // namespace sjcp::transfer
