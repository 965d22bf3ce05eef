// Gathers what a connection brings in small pieces into large, aligned writes.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/segment/layout.h"
#include "core/transfer/source.h"

namespace sjcp::http {

using segment::ByteRange;

class RangeWriter {
 public:
  static constexpr size_t kUnit = 1 << 20;

  // range.end: UINT64_MAX where nobody knows it.
  RangeWriter(transfer::Output& output, ByteRange range)
      : output_(output), range_(range), position_(range.begin), written_(range.begin) {}

  // The next byte that is wanted; up to it all are here.
  uint64_t position() const { return position_; }
  // Of what is wanted now.
  uint64_t end() const;
  bool enough() const { return position_ >= end(); }

  // The bytes at position(); those beyond the range are left out.
  Status take(ByteView bytes);
  // Writes what has been held for a while: to be called now and then.
  Status tick(Clock::Steady now);
  Status flush();

 private:
  struct Free {
    void operator()(uint8_t* memory) const;
  };

  transfer::Output& output_;
  const ByteRange range_;
  uint64_t position_;
  uint64_t written_;  // what lies from here to position_ is in the buffer
  size_t capacity_ = 0;
  std::unique_ptr<uint8_t[], Free> buffer_;
  Clock::Steady held_since_{};
};

}  // namespace sjcp::http
