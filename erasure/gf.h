// The arithmetic shared by Code, Decoder and correct(): the field's points, interpolation, ISA-L calls.
// Internal to the room.
//
// Every share is the value of one polynomial of degree < k, so the coefficients that turn any k shares into
// any other share are Lagrange's, in closed form: generator and decode matrices are the same function, and no
// matrix is ever inverted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sjcp::erasure::gf {

inline constexpr unsigned kMaxShares = 255;
inline constexpr size_t kTableSize = 32;  // bytes of ISA-L's table of one coefficient

uint8_t mul(uint8_t a, uint8_t b);
uint8_t inverse(uint8_t a);  // requires a != 0

// x_i of share i: 0, 1, 2, 4, ...  Requires: share < 256.
uint8_t point(unsigned share);

// to.size() rows of from.size() coefficients: share to[r] = sum over c of rows[r][c] * share from[c].
// Requires: shares in `from` are distinct.
std::vector<uint8_t> interpolation(std::span<const unsigned> from, std::span<const unsigned> to);

// ISA-L's tables of a matrix of `rows` x `k`; row r begins at r * k * kTableSize.
std::vector<uint8_t> tables(const std::vector<uint8_t>& matrix, size_t k);

// out[r][0, len) = sum over c of row r * in[c][0, len).  Requires: len < 2^31.
void combine(size_t len, size_t k, size_t rows, const uint8_t* tables, const uint8_t* const* in,
             uint8_t* const* out);

// ISA-L's AVX-512 code returns with dirty upper halves, which slows down whatever SSE code runs next (SHA-256
// by a third). Call it once after a run of combine().
void leave_vector_code();

}  // namespace sjcp::erasure::gf
