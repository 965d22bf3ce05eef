// Digests of the pieces of an object, all of one length but the last: they tell which part of it is wrong.
//
// Threads: a PieceCheck belongs to one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/transfer/content.h"
#include "core/transfer/digest.h"

namespace sjcp::transfer {

struct PieceDigests {
  DigestKind kind = DigestKind::kSha256;
  uint64_t length = 0;           // bytes of a piece; above 0
  std::vector<std::string> hex;  // lower case, in order

  // Whether an object of this size has so many pieces.
  bool fit(uint64_t size) const { return size / length + (size % length != 0 ? 1 : 0) == hex.size(); }
  // Of the piece, in the object.
  ByteRange range(size_t index, uint64_t size) const {
    return {index * length, std::min((index + 1) * length, size)};
  }
};

// Compares the pieces of what passes, from the first byte on.
class PieceCheck {
 public:
  // pieces: outlives it.  size: of the object, which they fit.
  PieceCheck(const PieceDigests& pieces, uint64_t size) : pieces_(pieces), size_(size) {}

  void update(ByteView bytes);
  // Pieces that are wrong, of those that have passed whole, in order.
  const std::vector<size_t>& wrong() const { return wrong_; }

 private:
  const PieceDigests& pieces_;
  const uint64_t size_;
  uint64_t position_ = 0;
  std::unique_ptr<Hasher> hasher_;  // of the piece that position_ is in
  std::vector<size_t> wrong_;
};

}  // namespace sjcp::transfer
