// Small values that the satellite and the nodes share.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "core/base/clock.h"
#include "net/storj/wire/orders.pb.h"

namespace sjcp::network {

// Where a segment is in its object.
struct SegmentPosition {
  uint32_t part = 0;
  uint32_t index = 0;
  friend auto operator<=>(const SegmentPosition&, const SegmentPosition&) = default;
};

// Reed-Solomon parameters: k of n pieces rebuild a segment, o are enough to commit it.
struct Redundancy {
  int32_t required = 0;  // k
  int32_t repair = 0;    // m
  int32_t optimal = 0;   // o
  int32_t total = 0;     // n
  int32_t share_size = 256;

  int64_t stripe_size() const { return int64_t{required} * share_size; }
};

// "k/m/o/n" with 1 <= k <= m <= o <= n <= 255; false when it is not.
bool parse_redundancy(const std::string& text, Redundancy& out);

// Bytes of every piece of a segment: stripes of the segment with its padding count, one share from each.
int64_t piece_size(const Redundancy& redundancy, int64_t encrypted_size);

// Largest encrypted size of `plain` bytes in blocks of block_size with AES-GCM and padding.
int64_t encrypted_size(int64_t plain, int64_t block_size);

// Pieces that a download is offered when it does not ask for more: k + (n-o)*k/o, at least k+1, at most n.
int32_t download_nodes(const Redundancy& redundancy);

// Dates on the wire.  "Unset" is absent or the year 1, which is what the network's own peers send.
pb::Timestamp to_timestamp(Clock::Wall time);
pb::Timestamp unset_timestamp();
bool is_set(const pb::Timestamp& time);
Clock::Wall to_wall(const pb::Timestamp& time);

// Sizes as the network's messages write them: "4.0 KiB", but "3.00 KB" for round decimal numbers.
std::string size_text(int64_t bytes);
// Whole seconds: "1h0m0s".
std::string duration_text(std::chrono::nanoseconds duration);

}  // namespace sjcp::network
