// BLAKE3 in its plain hash mode with 32 bytes of output: what the network hashes pieces with.
//
//   chunk   1024 bytes = 16 blocks of 64; it compresses to a chaining value of 32 bytes
//   tree    chaining values are joined two by two; the left side of every node is the largest complete tree
//
// All whole chunks of an update() are compressed side by side, one in each lane of a vector, and so are the
// nodes above them.  That works best when updates are large and begin at multiples of their size, such as 64
// KiB: smaller or shifted ones fall into smaller trees.
#pragma once

#include <array>
#include <string>

#include "core/base/bytes.h"

namespace sjcp::crypto {

namespace blake3 {
struct Kernel;
}

using Blake3Digest = std::array<uint8_t, 32>;

// BLAKE3 over data that arrives in parts.
//
// Threads: one at a time.
class Blake3 {
 public:
  Blake3();
  // With a given implementation, which this processor must be able to run.
  explicit Blake3(const blake3::Kernel& kernel) : kernel_(&kernel) {}

  void update(ByteView data);
  // Once, after the last update().
  Blake3Digest finish();

 private:
  using Value = std::array<uint8_t, 32>;
  // Enough for 2^64 bytes.
  static constexpr size_t kMaxDepth = 56;

  void push_chunk(const uint8_t* data);
  void push_tree(const uint8_t* data, size_t chunks);
  void push(const uint8_t* value, uint64_t chunks);
  void join_complete();
  void join_top(uint32_t flags);

  const blake3::Kernel* kernel_;
  std::array<uint8_t, 1024> held_;  // the chunk in progress
  size_t held_size_ = 0;
  uint64_t chunks_ = 0;                 // that are in the stack
  std::array<Value, kMaxDepth> stack_;  // roots of complete trees, largest first, not all joined yet
  size_t depth_ = 0;
};

Blake3Digest blake3_digest(ByteView data);

// The instruction set in use, for --version: "AVX-512", "AVX2" or "portable".
std::string blake3_path();

}  // namespace sjcp::crypto
