#include "core/base/crc32c.h"

#include <cstring>

#include "core/base/crc_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace sjcp {
namespace {

using Table = CrcTable<uint32_t, 0x82f63b78>;

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t advance_sse42(uint32_t crc, ByteView bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t wide = crc;
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; left > 0; ++at, --left) crc = _mm_crc32_u8(crc, *at);
  return crc;
}

bool has_sse42() {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}
#endif

}  // namespace

uint32_t crc32c_portable(ByteView bytes, uint32_t crc) {
  return ~Table::advance(~crc, bytes);
}

uint32_t crc32c(ByteView bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (has_sse42()) return ~advance_sse42(~crc, bytes);
#endif
  return crc32c_portable(bytes, crc);
}

}  // namespace sjcp
