// The same sums of products as ISA-L's, by the GFNI instruction that multiplies bytes by an 8x8 matrix of
// bits (Intel SDM, GF2P8AFFINEQB): multiplying by a constant is linear, so one instruction does in any field
// what otherwise takes two table look-ups.  Internal to the room.
//
// ISA-L has such code from 2.31 on; the 2.30 of current distributions has not.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sjcp::erasure::affine {

// The processor has GFNI with 512-bit vectors, and the system lets programs use them.
bool available();

// The matrix of bits that multiplies a byte by the coefficient.
uint64_t matrix_of(uint8_t coefficient);

// As gf::combine; row r's matrices begin at r * k.  Requires: available().
void combine(size_t len, size_t k, size_t rows, const uint64_t* matrices, const uint8_t* const* in,
             uint8_t* const* out);

}  // namespace sjcp::erasure::affine
