#include "core/base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace sjcp {

uint32_t crc32c(ByteView bytes, uint32_t crc) {
  constexpr size_t kMost = 1 << 30;  // the library counts in int
  uint32_t state = ~crc;
  for (size_t done = 0; done < bytes.size();) {
    const size_t count = std::min(kMost, bytes.size() - done);
    // Only read, whatever the signature says.
    state = crc32_iscsi(const_cast<uint8_t*>(bytes.data()) + done, static_cast<int>(count), state);
    done += count;
  }
  return ~state;
}

}  // namespace sjcp
