#include "core/crypto/blake3.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/crypto/blake3_kernel.h"

namespace sjcp::crypto {

using namespace blake3;

namespace {

// The largest tree that is compressed in one go; its chaining values lie on the program's stack.
constexpr size_t kMaxTree = 256;

Kernels find_kernels() {
  Kernels found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) found.list[found.count++] = &kAvx512;
  if (__builtin_cpu_supports("avx2")) found.list[found.count++] = &kAvx2;
#endif
  found.list[found.count++] = &kPortable;
  return found;
}

Inputs chunk_inputs(const uint8_t* data, size_t count, uint64_t first) {
  return {data, count, kChunk / kBlock, first, 1, 0, kChunkStart, kChunkEnd};
}

Inputs parent_inputs(const uint8_t* values, size_t count, uint32_t flags) {
  return {values, count, 1, 0, 0, kParent | flags, 0, 0};
}

// A single input gains nothing from lanes.
void compress_one(const Inputs& input, uint8_t* out) {
  kPortable.compress(input, out);
}

// The last chunk, of 0 to 1024 bytes.
void compress_end(const uint8_t* data, size_t size, uint64_t counter, uint32_t root, uint8_t* out) {
  uint32_t value[8];
  std::copy(std::begin(kInitial), std::end(kInitial), value);
  size_t at = 0;
  do {
    uint8_t block[kBlock] = {};
    const size_t n = std::min(kBlock, size - at);
    std::copy_n(data + at, n, block);
    const bool last = at + n == size;
    const uint32_t flags = (at == 0 ? kChunkStart : 0) | (last ? kChunkEnd | root : 0);
    compress_block(value, block, static_cast<uint32_t>(n), counter, flags);
    at += n;
  } while (at < size);
  std::memcpy(out, value, kValue);
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "words are copied as they lie in memory");

const Kernels& blake3::usable_kernels() {
  static const Kernels kernels = find_kernels();
  return kernels;
}

Blake3::Blake3() : kernel_(usable_kernels().list[0]) {}

void Blake3::update(ByteView data) {
  if (data.empty()) return;
  if (held_size_ > 0) {
    const size_t n = std::min(kChunk - held_size_, data.size());
    std::memcpy(held_.data() + held_size_, data.data(), n);
    held_size_ += n;
    data = data.sub(n);
    // The first chunk waits for a second one: alone it would be the root, which is compressed differently.
    if (held_size_ < kChunk || (data.empty() && chunks_ == 0)) return;
    push_chunk(held_.data());
    held_size_ = 0;
  }
  while (data.size() > kChunk || (data.size() == kChunk && chunks_ > 0)) {
    // A complete tree begins at a multiple of its size.
    const uint64_t aligned = chunks_ == 0 ? kMaxTree : chunks_ & (~chunks_ + 1);
    const size_t chunks = std::min({std::bit_floor(data.size() / kChunk), kMaxTree,
                                    static_cast<size_t>(std::min<uint64_t>(aligned, kMaxTree))});
    if (chunks == 1) {
      push_chunk(data.data());
    } else {
      push_tree(data.data(), chunks);
    }
    data = data.sub(chunks * kChunk);
  }
  if (!data.empty()) std::memcpy(held_.data(), data.data(), data.size());
  held_size_ = data.size();
}

void Blake3::push_chunk(const uint8_t* data) {
  Value value;
  compress_one(chunk_inputs(data, 1, chunks_), value.data());
  push(value.data(), 1);
}

// The root of the tree might turn out to be the root of all, so its two sides are pushed, not joined.
void Blake3::push_tree(const uint8_t* data, size_t chunks) {
  uint8_t values[kMaxTree * kValue];
  kernel_->compress(chunk_inputs(data, chunks, chunks_), values);
  for (size_t n = chunks; n > 2; n /= 2) kernel_->compress(parent_inputs(values, n / 2, 0), values);
  push(values, chunks / 2);
  push(values + kValue, chunks / 2);
}

void Blake3::push(const uint8_t* value, uint64_t chunks) {
  join_complete();
  std::memcpy(stack_[depth_++].data(), value, kValue);
  chunks_ += chunks;
}

// Requires: more input follows what is in the stack.  Then no tree in it is the whole one, and there is one
// complete tree for every bit of the number of chunks.
void Blake3::join_complete() {
  while (depth_ > static_cast<size_t>(std::popcount(chunks_))) join_top(0);
}

void Blake3::join_top(uint32_t flags) {
  uint8_t* sides = stack_[depth_ - 2].data();
  compress_one(parent_inputs(sides, 1, flags), sides);
  --depth_;
}

Blake3Digest Blake3::finish() {
  if (held_size_ > 0 || chunks_ == 0) {
    join_complete();
    compress_end(held_.data(), held_size_, chunks_, depth_ == 0 ? kRoot : 0, stack_[depth_].data());
    ++depth_;
  }
  while (depth_ > 1) join_top(depth_ == 2 ? kRoot : 0);
  return stack_[0];
}

Blake3Digest blake3_digest(ByteView data) {
  Blake3 hash;
  hash.update(data);
  return hash.finish();
}

std::string blake3_path() {
  return usable_kernels().list[0]->name;
}

}  // namespace sjcp::crypto
