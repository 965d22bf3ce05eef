#include "tests/wan/packet_pool.h"

#include <algorithm>
#include <cstring>

namespace sjcp::wan {

// Small packets are copied, so that every packet has a chunk of about its size; the copy of a large one would
// take a third of the emulator's time.
Chunk* PacketPool::keep(size_t size, const Shape& shape) {
  uint32_t kind = 0;
  while (kSizes[kind] < size) ++kind;
  if (held_ + kSizes[kind] > limit_bytes_) return nullptr;
  Chunk* chunk = take(kind);
  if (kind == kLargest) {
    std::swap(chunk, scratch_);
  } else {
    std::memcpy(chunk->data, scratch_->data, size);
  }
  held_ += kSizes[kind];
  most_held_ = std::max(most_held_, held_);
  chunk->shape = shape;
  chunk->size = static_cast<uint32_t>(size);
  chunk->references = 1;
  return chunk;
}

Chunk* PacketPool::take(uint32_t kind) {
  if (free_[kind].empty()) {
    auto owned = std::make_unique<Owned>();
    owned->memory = std::make_unique_for_overwrite<uint8_t[]>(kSizes[kind]);
    owned->chunk.kind = kind;
    owned->chunk.data = owned->memory.get();
    free_[kind].push_back(&owned->chunk);
    all_.push_back(std::move(owned));
  }
  Chunk* chunk = free_[kind].back();
  free_[kind].pop_back();
  return chunk;
}

void PacketPool::release(Chunk* chunk) {
  if (--chunk->references != 0) return;
  held_ -= kSizes[chunk->kind];
  free_[chunk->kind].push_back(chunk);
}

}  // namespace sjcp::wan
