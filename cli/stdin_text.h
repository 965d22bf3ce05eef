// Small texts from a descriptor.
#pragma once

#include <string>

#include "core/base/result.h"

namespace sjcp::cli {

// Everything up to the end, 1 MiB at most; kUsage when there is more.
Result<std::string> read_text(int fd);

}  // namespace sjcp::cli
