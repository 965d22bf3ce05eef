// What an unfinished download has got so far, as bytes that survive a crash or are recognised as damaged.
//
// A record (core/base/byte_record.h) of kind "sjcpjrnl":
//   file id | object size, range begin, range end | source | object version | number of ranges | begin, end
//   of each
// Offsets of ranges count from the start of the destination.
//
// Ranges may be entered only after the bytes that they name are verified and durable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/transfer/content.h"
#include "core/transfer/range_set.h"

namespace sjcp::transfer {

struct Journal {
  Content content;
  uint64_t file_id = 0;  // of the file that holds the bytes: its inode number
  RangeSet done;

  std::string serialize() const;
  // Nothing when the bytes are not exactly what serialize() wrote, or contradict themselves.
  static std::optional<Journal> parse(ByteView bytes);

  friend bool operator==(const Journal&, const Journal&) = default;
};

}  // namespace sjcp::transfer
