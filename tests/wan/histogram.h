// Durations by size, exact to 1/64 of their value, in bounded memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tests/wan/time.h"

namespace sjcp::wan {

class Histogram {
 public:
  void add(Time value) {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(value.count(), 0));
    ++buckets_[bucket_of(ns)];
    ++count_;
    most_ = std::max(most_, Time(static_cast<int64_t>(ns)));
  }

  uint64_t count() const { return count_; }
  Time most() const { return most_; }

  // The value that a share `q` of all values does not exceed; 0 when there are none.
  Time quantile(double q) const {
    const auto rank = static_cast<uint64_t>(q * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > rank || (seen == count_ && seen > 0)) return std::min(most_, Time(upper_end(i)));
    }
    return Time(0);
  }

 private:
  // 0..127 exactly; then 64 for every doubling.
  static size_t bucket_of(uint64_t ns) {
    if (ns < 128) return ns;
    const auto shift = static_cast<size_t>(std::bit_width(ns)) - 7;
    return 64 * shift + (ns >> shift);
  }
  static int64_t upper_end(size_t bucket) {
    if (bucket < 128) return static_cast<int64_t>(bucket);
    const size_t shift = bucket / 64 - 1;
    return static_cast<int64_t>(((bucket - 64 * shift + 1) << shift) - 1);
  }

  std::array<uint64_t, size_t{64} * 59> buckets_{};
  uint64_t count_ = 0;
  Time most_{0};
};

}  // namespace sjcp::wan
