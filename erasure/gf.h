// The arithmetic shared by Code, Decoder and correct(): the field's points, interpolation, sums of products
// by ISA-L or, where the processor has GFNI, by affine.h.  Internal to the room.
//
// Every share is the value of one polynomial of degree < k, so the coefficients that turn any k shares into
// any other share are Lagrange's, in closed form: generator and decode matrices are the same function, and no
// matrix is ever inverted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sjcp::erasure::gf {

inline constexpr unsigned kMaxShares = 255;

// Who computes: both give the same bytes.
enum class Kernel : uint8_t { kIsal, kAffine };
// The faster one of this processor.
Kernel kernel();
// Bytes of the table of one coefficient.
size_t table_size(Kernel kernel = gf::kernel());

// Powers of the generator 2 and their exponents.
struct Logarithms {
  std::array<uint8_t, 512> power{};  // twice around, so that sums of two exponents need no reduction
  std::array<uint8_t, 256> exponent{};

  constexpr Logarithms() {
    unsigned value = 1;
    for (unsigned i = 0; i < 255; ++i) {
      power[i] = power[i + 255] = static_cast<uint8_t>(value);
      exponent[value] = static_cast<uint8_t>(i);
      value <<= 1;
      if (value & 0x100) value ^= 0x11d;
    }
  }
};
inline constexpr Logarithms kLogarithms;

inline uint8_t mul(uint8_t a, uint8_t b) {
  if (a == 0 || b == 0) return 0;
  return kLogarithms.power[size_t{kLogarithms.exponent[a]} + kLogarithms.exponent[b]];
}
// Requires: a != 0.
inline uint8_t inverse(uint8_t a) {
  return kLogarithms.power[255u - kLogarithms.exponent[a]];
}

// x_i of share i: 0, 1, 2, 4, ...  Requires: share < 256.
inline uint8_t point(unsigned share) {
  return share == 0 ? uint8_t{0} : kLogarithms.power[share - 1];
}

// to.size() rows of from.size() coefficients: share to[r] = sum over c of rows[r][c] * share from[c].
// Requires: shares in `from` are distinct.
std::vector<uint8_t> interpolation(std::span<const unsigned> from, std::span<const unsigned> to);

// Tables of a matrix of `rows` x `k`, for combine() by the same kernel; row r begins at r * k * table_size().
std::vector<uint8_t> tables(const std::vector<uint8_t>& matrix, size_t k, Kernel kernel = gf::kernel());

// out[r][0, len) = sum over c of row r * in[c][0, len).  Requires: len < 2^31.
void combine(size_t len, size_t k, size_t rows, const uint8_t* tables, const uint8_t* const* in,
             uint8_t* const* out, Kernel kernel = gf::kernel());

// ISA-L's AVX-512 code returns with dirty upper halves, which slows down whatever SSE code runs next (SHA-256
// by a third). Call it once after a run of combine().
void leave_vector_code();

}  // namespace sjcp::erasure::gf
