// Memory of the packets on their way: chunks of four sizes, counted references, nothing freed before the end.
//
// Threads: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/wan/packet.h"

namespace sjcp::wan {

struct Chunk {
  Shape shape;
  uint32_t size = 0;  // bytes of data in use
  uint32_t references = 0;
  uint32_t kind = 0;  // which of the pool's sizes it has
  uint8_t* data = nullptr;
};

class PacketPool {
 public:
  explicit PacketPool(uint64_t limit_bytes) : limit_bytes_(limit_bytes), scratch_(take(kLargest)) {}
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // Room for kMaxPacketBytes, to read the next packet into.
  uint8_t* scratch() { return scratch_->data; }
  // The scratch's first `size` bytes, which it may not keep, with one reference; null when the limit is
  // reached.
  Chunk* keep(size_t size, const Shape& shape);
  void release(Chunk* chunk);

  uint64_t bytes_held() const { return held_; }
  uint64_t most_bytes_held() const { return most_held_; }

 private:
  struct Owned {
    Chunk chunk;
    std::unique_ptr<uint8_t[]> memory;
  };

  static constexpr std::array<uint32_t, 4> kSizes{256, 2048, 16384, 65664};

  static constexpr uint32_t kLargest = kSizes.size() - 1;
  static_assert(kSizes[kLargest] >= kMaxPacketBytes);

  Chunk* take(uint32_t kind);

  const uint64_t limit_bytes_;
  uint64_t held_ = 0;
  uint64_t most_held_ = 0;
  std::vector<std::unique_ptr<Owned>> all_;
  std::array<std::vector<Chunk*>, kSizes.size()> free_;
  Chunk* scratch_;  // one of the largest, which nobody holds
};

}  // namespace sjcp::wan
