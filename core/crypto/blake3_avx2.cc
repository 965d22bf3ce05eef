// Built for processors with AVX2.
#include <immintrin.h>

#include "core/crypto/blake3_lanes.h"

namespace sjcp::crypto::blake3 {
namespace {

struct Eight {
  static constexpr size_t kLanes = 8;
  using Word = __m256i;

  static SJCP_ALWAYS_INLINE Word add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static SJCP_ALWAYS_INLINE Word exclusive_or(Word a, Word b) { return _mm256_xor_si256(a, b); }
  static SJCP_ALWAYS_INLINE Word all(uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
  static SJCP_ALWAYS_INLINE Word load(const void* p) {
    return _mm256_loadu_si256(static_cast<const Word*>(p));
  }
  static SJCP_ALWAYS_INLINE void store(uint8_t* p, Word x) {
    _mm256_storeu_si256(reinterpret_cast<Word*>(p), x);
  }

  // By whole bytes, one shuffle does it.
  template <int kBits>
  static SJCP_ALWAYS_INLINE Word rotate_right(Word x) {
    if constexpr (kBits == 16) {
      return _mm256_shuffle_epi8(x, _mm256_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2,  //
                                                    13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2));
    } else if constexpr (kBits == 8) {
      return _mm256_shuffle_epi8(x, _mm256_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1,  //
                                                    12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1));
    } else {
      return _mm256_or_si256(_mm256_srli_epi32(x, kBits), _mm256_slli_epi32(x, 32 - kBits));
    }
  }

  // Within each half of four vectors, rows become columns.
  static SJCP_ALWAYS_INLINE void transpose_four(Word& a, Word& b, Word& c, Word& d) {
    const Word ab_low = _mm256_unpacklo_epi32(a, b);
    const Word ab_high = _mm256_unpackhi_epi32(a, b);
    const Word cd_low = _mm256_unpacklo_epi32(c, d);
    const Word cd_high = _mm256_unpackhi_epi32(c, d);
    a = _mm256_unpacklo_epi64(ab_low, cd_low);
    b = _mm256_unpackhi_epi64(ab_low, cd_low);
    c = _mm256_unpacklo_epi64(ab_high, cd_high);
    d = _mm256_unpackhi_epi64(ab_high, cd_high);
  }

  // Eight vectors of one row each become eight of one column each.
  static SJCP_ALWAYS_INLINE void transpose(Word (&x)[8]) {
    transpose_four(x[0], x[1], x[2], x[3]);
    transpose_four(x[4], x[5], x[6], x[7]);
    for (size_t i = 0; i < 4; ++i) {
      const Word upper = x[i];
      x[i] = _mm256_permute2x128_si256(upper, x[i + 4], 0x20);
      x[i + 4] = _mm256_permute2x128_si256(upper, x[i + 4], 0x31);
    }
  }

  static SJCP_ALWAYS_INLINE void load_block(const uint8_t* const (&data)[kLanes], size_t offset,
                                            Word (&m)[16]) {
    for (size_t half = 0; half < 2; ++half) {
      Word rows[8];
      for (size_t i = 0; i < 8; ++i) rows[i] = load(data[i] + offset + half * sizeof(Word));
      transpose(rows);
      for (size_t i = 0; i < 8; ++i) m[half * 8 + i] = rows[i];
    }
  }

  static SJCP_ALWAYS_INLINE void store_values(Word (&h)[8], uint8_t* out) {
    transpose(h);
    for (size_t i = 0; i < 8; ++i) store(out + i * kValue, h[i]);
  }
};

}  // namespace

const Kernel kAvx2{"AVX2", compress_lanes<Eight>};

}  // namespace sjcp::crypto::blake3
