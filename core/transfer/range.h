// A part of an object as people ask for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/segment/layout.h"

namespace sjcp::transfer {

using segment::ByteRange;

// [begin, end) with open ends: {} is everything, suffix means the last `end` bytes.
struct RangeRequest {
  uint64_t begin = 0;
  std::optional<uint64_t> end;  // exclusive; for suffix: number of bytes
  bool suffix = false;

  bool everything() const { return !suffix && begin == 0 && !end; }
  // "bytes=A-B", "bytes=A-", "bytes=-N", or the same without "bytes=", blanks around each part; nothing is
  // everything.  B is inclusive and may lie beyond any end.  kUsage when malformed.
  static Result<RangeRequest> parse(std::string_view text);
  // Clamped to the object.  kUsage when it begins at or beyond the end of a non-empty object, or is empty.
  Result<ByteRange> resolve(uint64_t object_size) const;
};

}  // namespace sjcp::transfer
