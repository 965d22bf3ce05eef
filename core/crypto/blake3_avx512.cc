// Built for processors with AVX-512F.
#include <immintrin.h>

#include "core/crypto/blake3_lanes.h"

namespace sjcp::crypto::blake3 {
namespace {

struct Sixteen {
  static constexpr size_t kLanes = 16;
  using Word = __m512i;

  static SJCP_ALWAYS_INLINE Word add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static SJCP_ALWAYS_INLINE Word exclusive_or(Word a, Word b) { return _mm512_xor_si512(a, b); }
  static SJCP_ALWAYS_INLINE Word all(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
  static SJCP_ALWAYS_INLINE Word load(const void* p) { return _mm512_loadu_si512(p); }

  template <int kBits>
  static SJCP_ALWAYS_INLINE Word rotate_right(Word x) {
    return _mm512_ror_epi32(x, kBits);
  }

  // Within each quarter of four vectors, rows become columns.
  static SJCP_ALWAYS_INLINE void transpose_four(Word& a, Word& b, Word& c, Word& d) {
    const Word ab_low = _mm512_unpacklo_epi32(a, b);
    const Word ab_high = _mm512_unpackhi_epi32(a, b);
    const Word cd_low = _mm512_unpacklo_epi32(c, d);
    const Word cd_high = _mm512_unpackhi_epi32(c, d);
    a = _mm512_unpacklo_epi64(ab_low, cd_low);
    b = _mm512_unpackhi_epi64(ab_low, cd_low);
    c = _mm512_unpacklo_epi64(ab_high, cd_high);
    d = _mm512_unpackhi_epi64(ab_high, cd_high);
  }

  static SJCP_ALWAYS_INLINE void load_block(const uint8_t* const (&data)[kLanes], size_t offset,
                                            Word (&m)[16]) {
    // After the first step quarter q of x[4g + j] holds word 4q + j of inputs 4g to 4g + 3.
    Word x[16];
    for (size_t i = 0; i < 16; ++i) x[i] = load(data[i] + offset);
    for (size_t g = 0; g < 16; g += 4) transpose_four(x[g], x[g + 1], x[g + 2], x[g + 3]);
    // Then the quarters of four such vectors are gathered by number.
    for (size_t j = 0; j < 4; ++j) {
      const Word even_low = _mm512_shuffle_i32x4(x[j], x[4 + j], 0x88);
      const Word even_high = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0x88);
      const Word odd_low = _mm512_shuffle_i32x4(x[j], x[4 + j], 0xdd);
      const Word odd_high = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0xdd);
      m[j] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
      m[4 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
      m[8 + j] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
      m[12 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
  }

  static SJCP_ALWAYS_INLINE void store_values(Word (&h)[8], uint8_t* out) {
    // After these, quarter q of h[j] holds words 0 to 3 of input 4q + j, and h[4 + j] the other four.
    transpose_four(h[0], h[1], h[2], h[3]);
    transpose_four(h[4], h[5], h[6], h[7]);
    const Word first_two = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const Word last_two = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    for (size_t j = 0; j < 4; ++j) {
      store_pair(_mm512_permutex2var_epi64(h[j], first_two, h[4 + j]), out, j, 4 + j);
      store_pair(_mm512_permutex2var_epi64(h[j], last_two, h[4 + j]), out, 8 + j, 12 + j);
    }
  }

  static SJCP_ALWAYS_INLINE void store_pair(Word x, uint8_t* out, size_t low, size_t high) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + low * kValue), _mm512_castsi512_si256(x));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + high * kValue), _mm512_extracti64x4_epi64(x, 1));
  }
};

}  // namespace

const Kernel kAvx512{"AVX-512", compress_lanes<Sixteen>};

}  // namespace sjcp::crypto::blake3
