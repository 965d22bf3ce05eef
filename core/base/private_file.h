// Small files that the program keeps for itself: whole or not there, and nobody else's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp {

// Far above what thousands of ranges take.
inline constexpr size_t kLargestPrivateFile = 16 << 20;

// Nothing: there is none, it cannot be read, it is larger than that, or somebody else may have made it or may
// change it: another owner, a second name, a link.
std::optional<std::string> read_private_file(const std::string& path, size_t largest = kLargestPrivateFile);

enum class OnDisk : uint8_t {
  kNow,    // before it has the name: a power cut leaves the old bytes or the new ones
  kLater,  // nobody waits for the disk: a power cut may leave anything
};

// Replaces `path` by a file with these bytes, of mode 0600.  `fresh`: its name until it is whole, in the same
// folder, which nobody else uses; empty: one of its own.  kLocalIo: `path` is as it was.
Status replace_private_file(const std::string& path, ByteView bytes, const std::string& fresh = "",
                            OnDisk on_disk = OnDisk::kNow);

// With those above it, unless it is there; then of mode 0700.
Status make_private_folder(const std::string& path);

}  // namespace sjcp
