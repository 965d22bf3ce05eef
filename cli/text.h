// Texts from a descriptor.
#pragma once

#include <string>

#include "core/base/result.h"

namespace sjcp::cli {

// Everything up to the end, `most` bytes at most; kUsage when there is more.  `name`: for messages.
Result<std::string> read_text(int fd, const std::string& name, size_t most);

}  // namespace sjcp::cli
