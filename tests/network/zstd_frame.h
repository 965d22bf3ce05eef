// Whole zstd frames.  Any thread.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace sjcp::network {

std::string zstd_pack(ByteView data);
// nullopt: not one valid frame, or larger than max_bytes when unpacked.
std::optional<std::string> zstd_unpack(ByteView frame, size_t max_bytes);

}  // namespace sjcp::network
