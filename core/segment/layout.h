// The arithmetic of a segment: plain bytes -> encrypted blocks -> stripes -> pieces (protocol notes 3.5
// and 8.2).
//
//   plain    |  up to 64 MiB                         | + pad to 7408 (4-byte big-endian count at the end)
//   blocks   | 7424 | 7424 | ...                       7408 plain + 16 tag each
//   padded   | stripe 0 | stripe 1 | ... |             pad to k * share_size, the same pad rule
//   piece i  = share i of stripe 0, share i of stripe 1, ...
// All offsets and sizes are bytes; ranges are half-open.
#pragma once

#include <compare>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/crypto/aead.h"

namespace sjcp::segment {

inline constexpr uint64_t kMaxSegmentSize = 64ull << 20;
inline constexpr uint64_t kMaxInlineSize = 4096;
inline constexpr uint32_t kEncryptedBlockSize = 7424;
inline constexpr uint32_t kShareSize = 256;

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size() const { return end - begin; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// A redundancy scheme: any `required` of `total` pieces rebuild the segment.
struct Redundancy {
  uint32_t required = 0;  // k
  uint32_t repair = 0;    // m
  uint32_t optimal = 0;   // o: successes at which an upload stops
  uint32_t total = 0;     // n
  uint32_t share_size = kShareSize;
  uint64_t stripe_size() const { return uint64_t{required} * share_size; }
  // 1 <= required <= optimal <= total <= 255, share size in (0, 1 MiB].
  bool valid() const;
};

// Which part and segment of the object: (0, i) for plain uploads.
struct Position {
  int32_t part = 0;
  int32_t index = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Padding that pad() appends to len bytes: 4 .. block+3.
uint64_t padding_size(uint64_t len, uint64_t block);
// Fills the tail of a buffer whose last `padding` bytes are free: zeros, then the count, big-endian.
void write_padding(ByteSpan padding);

// How content of one segment is cut into sealed blocks.
struct BlockLayout {
  crypto::CipherSuite cipher = crypto::CipherSuite::kAesGcm;
  uint32_t encrypted_block = kEncryptedBlockSize;
  uint32_t plain_block() const;    // encrypted_block - 16 (NULL: the same)
  uint32_t padding_block() const;  // what plain bytes are padded to: plain_block(), or 1 for NULL
};

uint64_t encrypted_size(uint64_t plain, const BlockLayout& layout);
// Size of each piece of a segment of enc bytes.
uint64_t piece_size(uint64_t enc, const Redundancy& rs);
// Stripes that hold data (the all-padding stripe is not read): ceil(enc / stripe).
uint64_t data_stripes(uint64_t enc, const Redundancy& rs);

// The starting nonce of a segment: little-endian (part << 32) | (index + 1).
crypto::Nonce segment_nonce(Position position);

// What must be fetched of every piece to read plain range `range` of a segment of `enc` encrypted bytes.
struct ReadPlan {
  ByteRange blocks;   // encryption blocks, by number
  ByteRange stripes;  // stripes, by number
  ByteRange piece;    // bytes of every piece
};
ReadPlan plan_read(ByteRange range, uint64_t enc, const Redundancy& rs, const BlockLayout& layout);

}  // namespace sjcp::segment
