// Tables for reflected cyclic redundancy checks, eight bytes a step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"

namespace sjcp {

// Word: uint32_t or uint64_t.  Polynomial: its bits in reverse order, as the algorithm shifts right.
template <typename Word, Word Polynomial>
class CrcTable {
 public:
  // The register after these bytes; no inversion before or after.
  static Word advance(Word crc, ByteView bytes) {
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
      uint64_t word = 0;
      for (size_t i = 0; i < 8; ++i) word |= uint64_t{at[i]} << (8 * i);
      word ^= crc;
      crc = 0;
      for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
    }
    for (; left > 0; ++at, --left) crc = step(crc, *at);
    return crc;
  }

 private:
  using Tables = std::array<std::array<Word, 256>, 8>;  // [n]: of a byte that n others follow

  static constexpr Tables make() {
    Tables tables{};
    for (size_t byte = 0; byte < 256; ++byte) {
      Word value = static_cast<Word>(byte);
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? Polynomial : 0);
      tables[0][byte] = value;
    }
    for (size_t n = 1; n < 8; ++n) {
      for (size_t byte = 0; byte < 256; ++byte) {
        const Word before = tables[n - 1][byte];
        tables[n][byte] = (before >> 8) ^ tables[0][before & 0xff];
      }
    }
    return tables;
  }
  static constexpr Tables kTables = make();

  static Word step(Word crc, uint8_t byte) { return (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff]; }
};

}  // namespace sjcp
