#include "erasure/affine.h"

#include "erasure/gf.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sjcp::erasure::affine {

uint64_t matrix_of(uint8_t coefficient) {
  // Bit i of the product is the parity of the input and byte 7 - i: column j holds coefficient * 2^j.
  uint64_t matrix = 0;
  for (unsigned j = 0; j < 8; ++j) {
    const uint8_t column = gf::mul(coefficient, static_cast<uint8_t>(1u << j));
    for (unsigned i = 0; i < 8; ++i) {
      if ((column >> i & 1u) != 0) matrix |= uint64_t{1} << (8 * (7 - i) + j);
    }
  }
  return matrix;
}

#if defined(__x86_64__)

namespace {

constexpr size_t kVector = 64;
// Columns and rows that are computed together: a matrix is loaded once for four vectors, which are a share of
// one stripe, and 24 sums, 4 inputs and a matrix fit the 32 registers.
constexpr size_t kVectors = 4;
constexpr size_t kRows = 6;

#define SJCP_GFNI __attribute__((target("avx512f,avx512bw,gfni")))

template <size_t Rows, size_t Vectors>
SJCP_GFNI inline void block(size_t at, size_t k, const uint64_t* matrices, const uint8_t* const* in,
                            uint8_t* const* out, __mmask64 mask) {
  __m512i sums[Rows][Vectors];
  for (auto& row : sums) {
    for (auto& sum : row) sum = _mm512_setzero_si512();
  }
  for (size_t c = 0; c < k; ++c) {
    __m512i input[Vectors];
    for (size_t v = 0; v < Vectors; ++v) {
      const uint8_t* from = in[c] + at + v * kVector;
      input[v] = Vectors == 1 ? _mm512_maskz_loadu_epi8(mask, from) : _mm512_loadu_si512(from);
    }
    for (size_t r = 0; r < Rows; ++r) {
      const __m512i matrix = _mm512_set1_epi64(static_cast<long long>(matrices[r * k + c]));
      for (size_t v = 0; v < Vectors; ++v) {
        sums[r][v] = _mm512_xor_si512(sums[r][v], _mm512_gf2p8affine_epi64_epi8(input[v], matrix, 0));
      }
    }
  }
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t v = 0; v < Vectors; ++v) {
      uint8_t* to = out[r] + at + v * kVector;
      Vectors == 1 ? _mm512_mask_storeu_epi8(to, mask, sums[r][v]) : _mm512_storeu_si512(to, sums[r][v]);
    }
  }
}

// All rows of some columns.
template <size_t Vectors>
SJCP_GFNI inline void columns(size_t at, size_t k, size_t rows, const uint64_t* matrices,
                              const uint8_t* const* in, uint8_t* const* out, __mmask64 mask) {
  for (; rows >= kRows; rows -= kRows, matrices += kRows * k, out += kRows) {
    block<kRows, Vectors>(at, k, matrices, in, out, mask);
  }
  switch (rows) {
    case 5:
      return block<5, Vectors>(at, k, matrices, in, out, mask);
    case 4:
      return block<4, Vectors>(at, k, matrices, in, out, mask);
    case 3:
      return block<3, Vectors>(at, k, matrices, in, out, mask);
    case 2:
      return block<2, Vectors>(at, k, matrices, in, out, mask);
    case 1:
      return block<1, Vectors>(at, k, matrices, in, out, mask);
    default:
      return;
  }
}

}  // namespace

bool available() {
  return __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw");
}

SJCP_GFNI void combine(size_t len, size_t k, size_t rows, const uint64_t* matrices, const uint8_t* const* in,
                       uint8_t* const* out) {
  size_t at = 0;
  for (; at + kVectors * kVector <= len; at += kVectors * kVector) {
    columns<kVectors>(at, k, rows, matrices, in, out, ~__mmask64{0});
  }
  for (; at < len; at += kVector) {
    const size_t left = len - at;
    const __mmask64 mask = left >= kVector ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    columns<1>(at, k, rows, matrices, in, out, mask);
  }
}

#undef SJCP_GFNI

#else

bool available() {
  return false;
}

void combine(size_t, size_t, size_t, const uint64_t*, const uint8_t* const*, uint8_t* const*) {}

#endif

}  // namespace sjcp::erasure::affine
