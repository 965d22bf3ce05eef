#include <bit>
#include <cstring>

#include "core/crypto/blake3_kernel.h"

namespace sjcp::crypto::blake3 {
namespace {

inline void mix(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d, uint32_t x, uint32_t y) {
  a += b + x;
  d = std::rotr(d ^ a, 16);
  c += d;
  b = std::rotr(b ^ c, 12);
  a += b + y;
  d = std::rotr(d ^ a, 8);
  c += d;
  b = std::rotr(b ^ c, 7);
}

template <size_t kRound>
inline void rounds(uint32_t (&v)[16], const uint32_t (&m)[16]) {
  constexpr const uint8_t(&s)[16] = kSchedule.row[kRound];
  mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
  mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
  mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
  mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
  mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
  mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
  mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
  mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  if constexpr (kRound + 1 < kRounds) rounds<kRound + 1>(v, m);
}

void compress(const Inputs& inputs, uint8_t* out) {
  const uint8_t* data = inputs.data;
  for (size_t i = 0; i < inputs.count; ++i) {
    uint32_t value[8];
    std::memcpy(value, kInitial, sizeof value);
    for (size_t b = 0; b < inputs.blocks; ++b, data += kBlock) {
      const uint32_t flags =
          inputs.flags | (b == 0 ? inputs.first_flags : 0) | (b + 1 == inputs.blocks ? inputs.last_flags : 0);
      compress_block(value, data, kBlock, inputs.counter + i * inputs.step, flags);
    }
    std::memcpy(out + i * kValue, value, kValue);
  }
}

}  // namespace

void compress_block(uint32_t (&value)[8], const uint8_t* block, uint32_t size, uint64_t counter,
                    uint32_t flags) {
  uint32_t m[16];
  std::memcpy(m, block, sizeof m);
  uint32_t v[16] = {value[0], value[1], value[2],    value[3],    value[4],    value[5],
                    value[6], value[7], kInitial[0], kInitial[1], kInitial[2], kInitial[3],
                    0,        0,        size,        flags};
  v[12] = static_cast<uint32_t>(counter);
  v[13] = static_cast<uint32_t>(counter >> 32);
  rounds<0>(v, m);
  for (size_t i = 0; i < 8; ++i) value[i] = v[i] ^ v[i + 8];
}

const Kernel kPortable{"portable", compress};

}  // namespace sjcp::crypto::blake3
