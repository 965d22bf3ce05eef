// BLAKE3's compression with one input in each lane of a vector, written once for all vector widths.
//
// V names a width: kLanes, Word (a vector of kLanes words), its arithmetic, and the two transpositions
// between inputs in memory and words in vectors.  V must be local to its source: then so is everything made
// from it, as blake3_kernel.h demands.
#pragma once

#include "core/crypto/blake3_kernel.h"

#define SJCP_ALWAYS_INLINE inline __attribute__((always_inline))

namespace sjcp::crypto::blake3 {

template <class V>
SJCP_ALWAYS_INLINE void mix(typename V::Word& a, typename V::Word& b, typename V::Word& c,
                            typename V::Word& d, const typename V::Word& x, const typename V::Word& y) {
  a = V::add(V::add(a, b), x);
  d = V::template rotate_right<16>(V::exclusive_or(d, a));
  c = V::add(c, d);
  b = V::template rotate_right<12>(V::exclusive_or(b, c));
  a = V::add(V::add(a, b), y);
  d = V::template rotate_right<8>(V::exclusive_or(d, a));
  c = V::add(c, d);
  b = V::template rotate_right<7>(V::exclusive_or(b, c));
}

template <class V, size_t kRound>
SJCP_ALWAYS_INLINE void rounds(typename V::Word (&v)[16], const typename V::Word (&m)[16]) {
  constexpr const uint8_t(&s)[16] = kSchedule.row[kRound];
  mix<V>(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
  mix<V>(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
  mix<V>(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
  mix<V>(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
  mix<V>(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
  mix<V>(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
  mix<V>(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
  mix<V>(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  if constexpr (kRound + 1 < kRounds) rounds<V, kRound + 1>(v, m);
}

// Inputs [first, first + kLanes); lanes beyond the last input do the last one again.
template <class V>
SJCP_ALWAYS_INLINE void compress_group(const Inputs& inputs, size_t first, uint8_t* out) {
  using Word = typename V::Word;
  const size_t left = inputs.count - first;
  const uint8_t* data[V::kLanes];
  uint32_t low[V::kLanes];
  uint32_t high[V::kLanes];
  for (size_t lane = 0; lane < V::kLanes; ++lane) {
    const size_t input = first + (lane < left ? lane : left - 1);
    const uint64_t counter = inputs.counter + input * inputs.step;
    data[lane] = inputs.data + input * inputs.blocks * kBlock;
    low[lane] = static_cast<uint32_t>(counter);
    high[lane] = static_cast<uint32_t>(counter >> 32);
  }
  Word h[8];
  for (size_t i = 0; i < 8; ++i) h[i] = V::all(kInitial[i]);
  for (size_t b = 0; b < inputs.blocks; ++b) {
    const uint32_t flags =
        inputs.flags | (b == 0 ? inputs.first_flags : 0) | (b + 1 == inputs.blocks ? inputs.last_flags : 0);
    Word m[16];
    V::load_block(data, b * kBlock, m);
    Word v[16] = {h[0],
                  h[1],
                  h[2],
                  h[3],
                  h[4],
                  h[5],
                  h[6],
                  h[7],
                  V::all(kInitial[0]),
                  V::all(kInitial[1]),
                  V::all(kInitial[2]),
                  V::all(kInitial[3]),
                  V::load(low),
                  V::load(high),
                  V::all(kBlock),
                  V::all(flags)};
    rounds<V, 0>(v, m);
    for (size_t i = 0; i < 8; ++i) h[i] = V::exclusive_or(v[i], v[i + 8]);
  }
  if (left >= V::kLanes) {
    V::store_values(h, out + first * kValue);
  } else {
    uint8_t values[V::kLanes * kValue];
    V::store_values(h, values);
    __builtin_memcpy(out + first * kValue, values, left * kValue);
  }
}

template <class V>
void compress_lanes(const Inputs& inputs, uint8_t* out) {
  for (size_t first = 0; first < inputs.count; first += V::kLanes) compress_group<V>(inputs, first, out);
}

}  // namespace sjcp::crypto::blake3
