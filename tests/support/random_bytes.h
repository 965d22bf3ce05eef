// Reproducible noise for property tests.
#pragma once

#include <random>

#include "core/base/bytes.h"

namespace sjcp::test {

inline Bytes random_bytes(std::mt19937_64& random, size_t n) {
  Bytes bytes(n);
  for (size_t i = 0; i < n; i += 8) {
    const uint64_t word = random();
    for (size_t j = i; j < n && j < i + 8; ++j) bytes[j] = static_cast<uint8_t>(word >> (8 * (j - i)));
  }
  return bytes;
}

// `count` distinct numbers below `limit`, in random order.
inline std::vector<unsigned> random_subset(std::mt19937_64& random, unsigned limit, unsigned count) {
  std::vector<unsigned> numbers(limit);
  for (unsigned i = 0; i < limit; ++i) numbers[i] = i;
  for (unsigned i = 0; i < count; ++i) std::swap(numbers[i], numbers[i + random() % (limit - i)]);
  numbers.resize(count);
  return numbers;
}

}  // namespace sjcp::test
