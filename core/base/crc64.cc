#include "core/base/crc64.h"

#include "core/base/crc_table.h"

namespace sjcp {

uint64_t crc64_nvme(ByteView bytes, uint64_t crc) {
  return ~CrcTable<uint64_t, 0x9a6c9329ac4bc9b5>::advance(~crc, bytes);
}

}  // namespace sjcp
