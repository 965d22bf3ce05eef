// One encoded stripe (or column run) as a vector of n shares.
#pragma once

#include "erasure/code.h"
#include "tests/support/random_bytes.h"

namespace sjcp::test {

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
