// Object keys and local paths.
//
// A key is any string; a path has rules, and a key must not choose where on the disk it lands.  Nothing is
// rewritten: a key that is no safe path below the destination is refused.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::local {

// The path below the destination folder for an object below `prefix` ("" or ending in '/').  kUnsupported,
// with the key in the text, when what remains of the key
//   - is empty, begins or ends with '/', or holds "//", "." or ".." as a component, or a NUL byte
//   - has a component above 255 bytes, or more than 4000 bytes in all
//   - is a name that unfinished downloads have
// kInternal when the key is not below the prefix.
Result<std::string> path_for_key(std::string_view key, std::string_view prefix);

// The key for a path below a source folder, as FolderWalk yields it.
std::string key_for_path(std::string_view relative_path, std::string_view prefix);

// For messages: control bytes as \xNN.  Keys come from others and must not steer a terminal.
std::string printable(std::string_view text);

}  // namespace sjcp::local
