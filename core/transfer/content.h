// What a download fetches, so that a later run can tell whether it is the same.
#pragma once

#include <cstdint>
#include <string>

#include "core/segment/layout.h"

namespace sjcp::transfer {

using segment::ByteRange;

// Of an object whose end shows only when it comes.
inline constexpr uint64_t kUnknownSize = UINT64_MAX;

// Equal contents with a version are equal bytes.
struct Content {
  std::string source;   // "sj://bucket/key"
  std::string version;  // opaque; empty: the bytes may change unnoticed, and nothing can be resumed
  uint64_t object_size = 0;
  ByteRange range;  // of the object

  friend bool operator==(const Content&, const Content&) = default;
};

}  // namespace sjcp::transfer
