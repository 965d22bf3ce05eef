#include "core/base/crc64.h"

#include <array>
#include <cstring>

#include "core/base/crc_table.h"

#if defined(__x86_64__)
#include <wmmintrin.h>
#endif

namespace sjcp {
namespace {

constexpr uint64_t kPolynomial = 0x9a6c9329ac4bc9b5;
using Table = CrcTable<uint64_t, kPolynomial>;

#if defined(__x86_64__)
constexpr size_t kLane = 16;
constexpr size_t kLanes = 4;  // the multiplier is busy while the results of others are on their way

// x to the n-th, modulo the polynomial.
constexpr uint64_t power(unsigned n) {
  uint64_t value = uint64_t{1} << 63;
  for (; n > 0; --n) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
  return value;
}

// What moves 128 bits on by so many.  The product of two reversed words is one bit short.
struct Fold {
  explicit constexpr Fold(unsigned bits) : first(power(bits + 63)), second(power(bits - 1)) {}
  uint64_t first;
  uint64_t second;
};
constexpr Fold kByAll(kLane* kLanes * 8);
constexpr Fold kByOne(kLane * 8);

__attribute__((target("pclmul"))) inline __m128i factors(const Fold& fold) {
  return _mm_set_epi64x(static_cast<int64_t>(fold.second), static_cast<int64_t>(fold.first));
}

__attribute__((target("pclmul"))) inline __m128i moved(__m128i lane, __m128i factors) {
  return _mm_xor_si128(_mm_clmulepi64_si128(lane, factors, 0x00), _mm_clmulepi64_si128(lane, factors, 0x11));
}

__attribute__((target("pclmul"))) inline __m128i load(const uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// Folds all whole rounds of the bytes into one lane, whose remainder is theirs.
__attribute__((target("pclmul"))) uint64_t advance_folded(uint64_t crc, ByteView bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  __m128i lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = load(at + i * kLane);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128(static_cast<int64_t>(crc)));
  at += kLanes * kLane, left -= kLanes * kLane;
  const __m128i by_all = factors(kByAll);
  for (; left >= kLanes * kLane; at += kLanes * kLane, left -= kLanes * kLane) {
    for (size_t i = 0; i < kLanes; ++i) {
      lanes[i] = _mm_xor_si128(moved(lanes[i], by_all), load(at + i * kLane));
    }
  }
  const __m128i by_one = factors(kByOne);
  __m128i folded = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) folded = _mm_xor_si128(moved(folded, by_one), lanes[i]);
  std::array<uint8_t, kLane> rest;
  std::memcpy(rest.data(), &folded, kLane);
  return Table::advance(Table::advance(0, ByteView(rest.data(), kLane)), ByteView(at, left));
}

bool has_multiplier() {
  static const bool has = __builtin_cpu_supports("pclmul") != 0;
  return has;
}
#endif

}  // namespace

uint64_t crc64_nvme_portable(ByteView bytes, uint64_t crc) {
  return ~Table::advance(~crc, bytes);
}

uint64_t crc64_nvme(ByteView bytes, uint64_t crc) {
#if defined(__x86_64__)
  if (bytes.size() >= kLanes * kLane && has_multiplier()) return ~advance_folded(~crc, bytes);
#endif
  return crc64_nvme_portable(bytes, crc);
}

namespace {

// Of two polynomials in reversed bits, modulo the check's own.
constexpr uint64_t product(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  for (uint64_t bit = uint64_t{1} << 63; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) sum ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return sum;
}

}  // namespace

// A's register moved on by B's bits; the inversions before and after cancel each other.
uint64_t crc64_nvme_combine(uint64_t a, uint64_t b, uint64_t size_of_b) {
  uint64_t power = uint64_t{1} << 55;  // x^8: of one byte, then squared
  for (; size_of_b > 0; size_of_b >>= 1, power = product(power, power)) {
    if ((size_of_b & 1) != 0) a = product(a, power);
  }
  return a ^ b;
}

}  // namespace sjcp
