#include "erasure/gf.h"

#include <isa-l.h>

#include <cstring>

#include "erasure/affine.h"

namespace sjcp::erasure::gf {
namespace {

constexpr size_t kIsalTableSize = 32;

#if defined(__x86_64__)
__attribute__((target("avx"), noinline)) void zero_upper() {
  __builtin_ia32_vzeroupper();
}
#endif

}  // namespace

std::vector<uint8_t> interpolation(std::span<const unsigned> from, std::span<const unsigned> to) {
  const size_t k = from.size();
  // weight[c] = 1 / prod (x_c - x_m) over m != c; subtraction is XOR.
  std::vector<uint8_t> weight(k);
  for (size_t c = 0; c < k; ++c) {
    uint8_t product = 1;
    for (size_t m = 0; m < k; ++m) {
      if (m != c) product = mul(product, point(from[c]) ^ point(from[m]));
    }
    weight[c] = inverse(product);
  }
  std::vector<uint8_t> rows(to.size() * k);
  for (size_t r = 0; r < to.size(); ++r) {
    const uint8_t x = point(to[r]);
    uint8_t product = 1;  // prod (x - x_m) over all m; 0 exactly when the share is one of `from`
    for (size_t m = 0; m < k; ++m) product = mul(product, x ^ point(from[m]));
    for (size_t c = 0; c < k; ++c) {
      const uint8_t distance = x ^ point(from[c]);
      rows[r * k + c] = distance == 0 ? uint8_t{1} : mul(mul(product, weight[c]), inverse(distance));
    }
  }
  return rows;
}

Kernel kernel() {
  static const Kernel best = affine::available() ? Kernel::kAffine : Kernel::kIsal;
  return best;
}

size_t table_size(Kernel kernel) {
  return kernel == Kernel::kAffine ? sizeof(uint64_t) : kIsalTableSize;
}

std::vector<uint8_t> tables(const std::vector<uint8_t>& matrix, size_t k, Kernel kernel) {
  std::vector<uint8_t> out(matrix.size() * table_size(kernel));
  if (matrix.empty()) return out;
  if (kernel == Kernel::kIsal) {
    // ec_init_tables only reads the matrix, but its parameter is not const.
    ec_init_tables(static_cast<int>(k), static_cast<int>(matrix.size() / k),
                   const_cast<uint8_t*>(matrix.data()), out.data());
    return out;
  }
  for (size_t i = 0; i < matrix.size(); ++i) {
    const uint64_t bits = affine::matrix_of(matrix[i]);
    std::memcpy(out.data() + i * sizeof bits, &bits, sizeof bits);
  }
  return out;
}

void combine(size_t len, size_t k, size_t rows, const uint8_t* tables, const uint8_t* const* in,
             uint8_t* const* out, Kernel kernel) {
  if (kernel == Kernel::kAffine) {
    return affine::combine(len, k, rows, reinterpret_cast<const uint64_t*>(tables), in, out);
  }
  ec_encode_data(static_cast<int>(len), static_cast<int>(k), static_cast<int>(rows),
                 const_cast<uint8_t*>(tables), const_cast<uint8_t**>(in), const_cast<uint8_t**>(out));
}

void leave_vector_code() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) zero_upper();
#endif
}

}  // namespace sjcp::erasure::gf
