// The compression of BLAKE3 over many inputs at once, in one implementation per instruction set.  Internal to
// the room and its tests.
//
// Sources built for one instruction set include this header and nothing that defines inline functions: the
// linker might keep such a function in its version for processors that this one is not.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace sjcp::crypto::blake3 {

constexpr size_t kBlock = 64;
constexpr size_t kChunk = 1024;
constexpr size_t kValue = 32;  // bytes of a chaining value

constexpr uint32_t kChunkStart = 1;
constexpr uint32_t kChunkEnd = 2;
constexpr uint32_t kParent = 4;
constexpr uint32_t kRoot = 8;

constexpr uint32_t kInitial[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                  0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

constexpr size_t kRounds = 7;

// Which word of the message goes where in each round: the permutation of the paper, applied once more to
// every row.
struct Schedule {
  uint8_t row[kRounds][16] = {};

  constexpr Schedule() {
    constexpr uint8_t kPermutation[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
    for (uint8_t i = 0; i < 16; ++i) row[0][i] = i;
    for (size_t r = 1; r < kRounds; ++r) {
      for (size_t i = 0; i < 16; ++i) row[r][i] = row[r - 1][kPermutation[i]];
    }
  }
};
constexpr Schedule kSchedule;

// What the inputs of one call are.
struct Inputs {
  const uint8_t* data;  // one input behind the other
  size_t count;
  size_t blocks;         // of 64 bytes in each input
  uint64_t counter;      // of the first input
  uint64_t step;         // from one input's counter to the next: 1 for chunks, 0 for parents
  uint32_t flags;        // of every block
  uint32_t first_flags;  // also of an input's first block
  uint32_t last_flags;   // also of its last block
};

// Chaining value i, of input i, goes to out + i * kValue.  out may be the beginning of data.
struct Kernel {
  const char* name;
  void (*compress)(const Inputs& inputs, uint8_t* out);
};

// The state of one input after one more block, of which `size` bytes count.
void compress_block(uint32_t (&value)[8], const uint8_t* block, uint32_t size, uint64_t counter,
                    uint32_t flags);

extern const Kernel kPortable;
#if defined(__x86_64__)
extern const Kernel kAvx2;    // eight inputs at a time; needs AVX2
extern const Kernel kAvx512;  // sixteen; needs AVX-512F
#endif

// The kernels that this processor can run, the fastest first.
struct Kernels {
  const Kernel* list[3] = {};
  size_t count = 0;
};
const Kernels& usable_kernels();

}  // namespace sjcp::crypto::blake3
