// What tests of the code have in common.
#pragma once

#include "erasure/code.h"
#include "tests/support/random_bytes.h"

namespace sjcp::test {

// The field's multiplication, the slow way.
inline uint8_t multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1, a <<= 1) {
    if (a & 0x100) a ^= 0x11d;
    if (b & 1) product ^= a;
  }
  return static_cast<uint8_t>(product);
}

// One encoded stripe (or column run) as a vector of n shares.
struct Shares {
  std::vector<Bytes> bytes;

  Shares(const erasure::Code& code, std::mt19937_64& random, size_t len) {
    std::vector<const uint8_t*> data;
    std::vector<uint8_t*> parity;
    for (unsigned i = 0; i < code.n(); ++i)
      bytes.push_back(i < code.k() ? random_bytes(random, len) : Bytes(len));
    for (unsigned i = 0; i < code.n(); ++i) {
      if (i < code.k()) {
        data.push_back(bytes[i].data());
      } else {
        parity.push_back(bytes[i].data());
      }
    }
    code.encode(len, data.data(), parity.data());
  }
};

}  // namespace sjcp::test
