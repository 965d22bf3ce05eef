#include "tests/network/blake3.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sjcp::network {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kChunk = 1024;
constexpr size_t kLanes = 8;

constexpr uint32_t kChunkStart = 1;
constexpr uint32_t kChunkEnd = 2;
constexpr uint32_t kParent = 4;
constexpr uint32_t kRoot = 8;

constexpr std::array<uint32_t, 8> kInitial{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                           0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

// Message words of round r are kSchedule[r]; each row is the permutation of the paper applied to the one
// before.
constexpr std::array<uint8_t, 16> kPermutation{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

constexpr std::array<std::array<uint8_t, 16>, 7> make_schedule() {
  std::array<std::array<uint8_t, 16>, 7> rows{};
  for (uint8_t i = 0; i < 16; ++i) rows[0][i] = i;
  for (size_t r = 1; r < rows.size(); ++r) {
    for (size_t i = 0; i < 16; ++i) rows[r][i] = rows[r - 1][kPermutation[i]];
  }
  return rows;
}
constexpr auto kSchedule = make_schedule();

using Vector = uint32_t __attribute__((vector_size(4 * kLanes)));

// W is uint32_t or Vector.
template <class W>
[[gnu::always_inline]] inline void rotate_right(W& x, int n) {
  x = (x >> n) | (x << (32 - n));
}

template <class W>
[[gnu::always_inline]] inline void mix(W& a, W& b, W& c, W& d, const W& x, const W& y) {
  a = a + b + x;
  d ^= a;
  rotate_right(d, 16);
  c += d;
  b ^= c;
  rotate_right(b, 12);
  a = a + b + y;
  d ^= a;
  rotate_right(d, 8);
  c += d;
  b ^= c;
  rotate_right(b, 7);
}

template <class W>
[[gnu::always_inline]] inline void rounds(W (&v)[16], const W (&m)[16]) {
#pragma GCC unroll 7
  for (size_t r = 0; r < 7; ++r) {
    const auto& s = kSchedule[r];
    mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
}

void compress(std::array<uint32_t, 8>& value, const uint8_t* block, uint32_t size, uint64_t counter,
              uint32_t flags) {
  uint32_t m[16];
  std::memcpy(m, block, sizeof m);
  uint32_t v[16] = {value[0],
                    value[1],
                    value[2],
                    value[3],
                    value[4],
                    value[5],
                    value[6],
                    value[7],
                    kInitial[0],
                    kInitial[1],
                    kInitial[2],
                    kInitial[3],
                    static_cast<uint32_t>(counter),
                    static_cast<uint32_t>(counter >> 32),
                    size,
                    flags};
  rounds(v, m);
  for (size_t i = 0; i < 8; ++i) value[i] = v[i] ^ v[i + 8];
}

// A chunk of 1 .. 1024 bytes.  extra: kRoot when the chunk is the whole input.
std::array<uint32_t, 8> compress_chunk(const uint8_t* data, size_t size, uint64_t counter, uint32_t extra) {
  std::array<uint32_t, 8> value = kInitial;
  size_t at = 0;
  do {
    uint8_t block[kBlock] = {};
    const size_t n = std::min(kBlock, size - at);
    if (n > 0) std::memcpy(block, data + at, n);
    const bool last = at + n == size;
    const uint32_t flags = (at == 0 ? kChunkStart : 0) | (last ? kChunkEnd | extra : 0);
    compress(value, block, static_cast<uint32_t>(n), counter, flags);
    at += n;
  } while (at < size);
  return value;
}

std::array<uint32_t, 8> join(const std::array<uint32_t, 8>& left, const std::array<uint32_t, 8>& right,
                             uint32_t extra) {
  uint8_t block[kBlock];
  std::memcpy(block, left.data(), 32);
  std::memcpy(block + 32, right.data(), 32);
  std::array<uint32_t, 8> value = kInitial;
  compress(value, block, kBlock, 0, kParent | extra);
  return value;
}

// Eight consecutive whole chunks; the callers differ in the instructions they may use.
[[gnu::always_inline]] inline void compress_eight_body(const uint8_t* data, uint64_t counter,
                                                       std::array<uint32_t, 8>* values) {
  Vector h[8];
  for (size_t i = 0; i < 8; ++i) h[i] = Vector{} + kInitial[i];
  Vector low{};
  Vector high{};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    low[lane] = static_cast<uint32_t>(counter + lane);
    high[lane] = static_cast<uint32_t>((counter + lane) >> 32);
  }
  for (size_t b = 0; b < kChunk / kBlock; ++b) {
    Vector m[16] = {};
    for (size_t lane = 0; lane < kLanes; ++lane) {
      uint32_t words[16];
      std::memcpy(words, data + lane * kChunk + b * kBlock, kBlock);
      for (size_t i = 0; i < 16; ++i) m[i][lane] = words[i];
    }
    const uint32_t flags = (b == 0 ? kChunkStart : 0) | (b == kChunk / kBlock - 1 ? kChunkEnd : 0);
    Vector v[16] = {h[0],
                    h[1],
                    h[2],
                    h[3],
                    h[4],
                    h[5],
                    h[6],
                    h[7],
                    Vector{} + kInitial[0],
                    Vector{} + kInitial[1],
                    Vector{} + kInitial[2],
                    Vector{} + kInitial[3],
                    low,
                    high,
                    Vector{} + static_cast<uint32_t>(kBlock),
                    Vector{} + flags};
    rounds(v, m);
    for (size_t i = 0; i < 8; ++i) h[i] = v[i] ^ v[i + 8];
  }
  for (size_t lane = 0; lane < kLanes; ++lane) {
    for (size_t i = 0; i < 8; ++i) values[lane][i] = h[i][lane];
  }
}

[[gnu::target("avx512f,avx512vl")]] void compress_eight_avx512(const uint8_t* data, uint64_t counter,
                                                               std::array<uint32_t, 8>* values) {
  compress_eight_body(data, counter, values);
}

[[gnu::target("avx2")]] void compress_eight_avx2(const uint8_t* data, uint64_t counter,
                                                 std::array<uint32_t, 8>* values) {
  compress_eight_body(data, counter, values);
}

void compress_eight_plain(const uint8_t* data, uint64_t counter, std::array<uint32_t, 8>* values) {
  compress_eight_body(data, counter, values);
}

auto* best_compress_eight() {
  if (__builtin_cpu_supports("avx512vl")) return &compress_eight_avx512;
  if (__builtin_cpu_supports("avx2")) return &compress_eight_avx2;
  return &compress_eight_plain;
}

}  // namespace

void Blake3::push_chunk(const Words& value) {
  Words merged = value;
  ++chunks_;
  for (uint64_t n = chunks_; (n & 1) == 0; n >>= 1) {
    merged = join(stack_.back(), merged, 0);
    stack_.pop_back();
  }
  stack_.push_back(merged);
}

void Blake3::push_group(const uint8_t* data) {
  static auto* const compress_eight = best_compress_eight();
  Words values[kLanes];
  compress_eight(data, chunks_, values);
  for (const Words& value : values) push_chunk(value);
}

void Blake3::update(ByteView data) {
  while (!data.empty()) {
    if (group_size_ == kGroup) {
      push_group(group_.data());
      group_size_ = 0;
    }
    // The last chunk stays behind: it might be the end, which is compressed with other flags.
    while (group_size_ == 0 && data.size() > kGroup) {
      push_group(data.data());
      data = data.sub(kGroup);
    }
    const size_t n = std::min(kGroup - group_size_, data.size());
    std::memcpy(group_.data() + group_size_, data.data(), n);
    group_size_ += n;
    data = data.sub(n);
  }
}

Blake3::Digest Blake3::finish() {
  const uint8_t* rest = group_.data();
  for (; group_size_ > kChunk; group_size_ -= kChunk, rest += kChunk) {
    push_chunk(compress_chunk(rest, kChunk, chunks_, 0));
  }
  Words value = compress_chunk(rest, group_size_, chunks_, stack_.empty() ? kRoot : 0);
  for (size_t i = stack_.size(); i > 0; --i) value = join(stack_[i - 1], value, i == 1 ? kRoot : 0);
  static_assert(std::endian::native == std::endian::little);
  Digest digest;
  std::memcpy(digest.data(), value.data(), digest.size());
  return digest;
}

Blake3::Digest blake3(ByteView data) {
  Blake3 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace sjcp::network
