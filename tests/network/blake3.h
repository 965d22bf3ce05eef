// BLAKE3 in hash mode, 32-byte output, over data that arrives in parts.
//
//   chunk  = 1024 bytes = 16 blocks of 64; a chunk compresses to a 32-byte chaining value
//   tree   = chaining values are joined two by two; the left subtree of every node is the largest complete
//   one
//
// Whole chunks are compressed eight at a time, one chunk in each lane of a vector.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/bytes.h"

namespace sjcp::network {

class Blake3 {
 public:
  using Digest = std::array<uint8_t, 32>;

  void update(ByteView data);
  // May be called once, after the last update.
  Digest finish();

 private:
  using Words = std::array<uint32_t, 8>;

  static constexpr size_t kGroup = 8192;

  void push_chunk(const Words& value);
  void push_group(const uint8_t* data);

  std::array<uint8_t, kGroup>
      group_{};  // chunks in progress: not compressed before more data is known to follow
  size_t group_size_ = 0;
  uint64_t chunks_ = 0;       // chunks in the tree
  std::vector<Words> stack_;  // roots of complete subtrees, largest first
};

Blake3::Digest blake3(ByteView data);

}  // namespace sjcp::network
