// CRC-32C (Castagnoli): finds every error of up to 32 bits in a row, and so every damaged byte.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace sjcp {

// crc: of the bytes before these, for bytes that arrive in pieces.
uint32_t crc32c(ByteView bytes, uint32_t crc = 0);

}  // namespace sjcp
