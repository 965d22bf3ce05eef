// CRC-64/NVME: what S3 computes over an object when nothing else is asked for.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace sjcp {

// crc: of the bytes before these, for bytes that arrive in pieces.  The processor's carry-less multiplier
// where it has one.
uint64_t crc64_nvme(ByteView bytes, uint64_t crc = 0);
// The same without it; for tests.
uint64_t crc64_nvme_portable(ByteView bytes, uint64_t crc = 0);

// Of A followed by B, from what each has; size_of_b in bytes.
uint64_t crc64_nvme_combine(uint64_t a, uint64_t b, uint64_t size_of_b);

}  // namespace sjcp
