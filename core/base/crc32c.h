// CRC-32C (Castagnoli): finds every error of up to 32 bits in a row, and so every damaged byte.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace sjcp {

uint32_t crc32c(ByteView bytes);

}  // namespace sjcp
