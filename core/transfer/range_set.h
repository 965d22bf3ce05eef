// Which bytes of something are there: ranges in order, apart from each other, coalesced.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/segment/layout.h"

namespace sjcp::transfer {

using segment::ByteRange;

class RangeSet {
 public:
  // Overlaps and empty ranges are allowed.  Requires: range.begin <= range.end.
  void add(ByteRange range);

  bool empty() const { return ranges_.empty(); }
  uint64_t bytes() const { return bytes_; }
  // Everything before it is there, from 0 on.
  uint64_t front() const {
    return ranges_.empty() || ranges_.begin()->first != 0 ? 0 : ranges_.begin()->second;
  }
  bool contains(ByteRange range) const;
  std::vector<ByteRange> ranges() const;
  // The parts of `whole` that are not in the set, in order.
  std::vector<ByteRange> missing(ByteRange whole) const;

  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin -> end
  uint64_t bytes_ = 0;
};

}  // namespace sjcp::transfer
