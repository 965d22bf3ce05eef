// The bulk data of the vectors: SHA256(label ":0") || SHA256(label ":1") || ...
#pragma once

#include "core/crypto/hash.h"

namespace sjcp::test {

inline Bytes pattern(const std::string& label, size_t n) {
  Bytes bytes;
  for (size_t i = 0; bytes.size() < n; ++i) {
    const auto digest = crypto::sha256(label + ":" + std::to_string(i));
    bytes.insert(bytes.end(), digest.begin(), digest.end());
  }
  bytes.resize(n);
  return bytes;
}

}  // namespace sjcp::test
