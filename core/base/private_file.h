// Small files that the program keeps for itself: whole or not there, and nobody else's.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp {

// Nothing: there is none, it cannot be read, it is unusually large, or somebody else may have made it or may
// change it: another owner, a second name, a link.
std::optional<std::string> read_private_file(const std::string& path);

// Replaces `path` by a file with these bytes, of mode 0600 and on the disk before it has the name.  `fresh`:
// its name until then, in the same folder, which nobody else uses; empty: one of its own.  kLocalIo: `path`
// is as it was.
Status replace_private_file(const std::string& path, ByteView bytes, const std::string& fresh = "");

}  // namespace sjcp
