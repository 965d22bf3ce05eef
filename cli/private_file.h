// Small files that hold secrets.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::cli {

// Replaces the file as a whole, mode 0600: a reader sees the old content or the new.  kLocalIo names the
// path.
Status write_private_file(const std::string& path, ByteView content);

}  // namespace sjcp::cli
