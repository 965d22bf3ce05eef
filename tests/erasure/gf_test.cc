#include "erasure/gf.h"

#include <random>

#include "core/base/bytes.h"
#include "erasure/affine.h"
#include "tests/erasure/shares.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::erasure;
using sjcp::test::multiply;

namespace {

uint8_t apply(uint64_t matrix, uint8_t byte) {
  uint8_t out = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const auto row = static_cast<uint8_t>(matrix >> (8 * (7 - i)));
    out = static_cast<uint8_t>(out | (__builtin_popcount(row & byte) & 1) << i);
  }
  return out;
}

struct Sum {
  size_t k;
  size_t rows;
  std::vector<uint8_t> matrix;
  std::vector<Bytes> inputs;
};

Sum random_sum(size_t k, size_t rows, size_t len, std::mt19937& random) {
  Sum sum{k, rows, std::vector<uint8_t>(rows * k), std::vector<Bytes>(k, Bytes(len + 1))};
  for (auto& coefficient : sum.matrix) coefficient = static_cast<uint8_t>(random());
  for (auto& input : sum.inputs) {
    for (auto& byte : input) byte = static_cast<uint8_t>(random());
  }
  return sum;
}

constexpr uint8_t kGuard = 0xa5;

// Results of one kernel, from inputs that begin at an odd address, with a guard on either side.
std::vector<Bytes> combine(const Sum& sum, size_t len, gf::Kernel kernel) {
  const auto tables = gf::tables(sum.matrix, sum.k, kernel);
  CHECK(tables.size() == sum.matrix.size() * gf::table_size(kernel));
  std::vector<const uint8_t*> in;
  for (const auto& input : sum.inputs) in.push_back(input.data() + 1);
  std::vector<Bytes> results(sum.rows, Bytes(len + 2, kGuard));
  std::vector<uint8_t*> out;
  for (auto& result : results) out.push_back(result.data() + 1);
  gf::combine(len, sum.k, sum.rows, tables.data(), in.data(), out.data(), kernel);
  return results;
}

}  // namespace

TEST_CASE("a matrix of bits multiplies as the field does") {
  for (unsigned a = 0; a < 256; ++a) {
    const uint64_t matrix = affine::matrix_of(static_cast<uint8_t>(a));
    for (unsigned b = 0; b < 256; ++b) {
      if (apply(matrix, static_cast<uint8_t>(b)) != multiply(a, b)) FAIL(a << " * " << b);
    }
  }
}

TEST_CASE("both kernels give the same bytes, of any number of rows and columns, and write nothing else") {
  if (!affine::available()) {
    WARN("this processor has no GFNI with 512-bit vectors");
    return;
  }
  std::mt19937 random(7);
  for (const size_t k : {1, 2, 29, 255}) {
    for (const size_t rows : {1, 2, 3, 4, 5, 6, 7, 18, 51}) {
      for (const size_t len : {1, 63, 64, 65, 255, 256, 257, 1000}) {
        const Sum sum = random_sum(k, rows, len, random);
        const auto affine = combine(sum, len, gf::Kernel::kAffine);
        if (affine != combine(sum, len, gf::Kernel::kIsal)) FAIL(k << ' ' << rows << ' ' << len);
        uint8_t first = 0;
        for (size_t c = 0; c < k; ++c) first ^= multiply(sum.matrix[c], sum.inputs[c][1]);
        if (affine[0][1] != first || affine[0][0] != kGuard || affine[0][len + 1] != kGuard) {
          FAIL(k << ' ' << rows << ' ' << len);
        }
      }
    }
  }
}
