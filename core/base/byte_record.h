// Small records in files of our own: numbers and texts between a header and a checksum.
//
//   kind 8 bytes | version u32 | length of the body u32 | body | CRC-32C of everything before u32
//   body: numbers as u64, texts as u64 length and bytes; all little-endian
//
// A record that was cut short, extended or damaged anywhere is recognised.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace sjcp {

struct RecordKind {
  std::string_view name;  // 8 bytes
  uint32_t version;
};

class RecordWriter {
 public:
  explicit RecordWriter(const RecordKind& kind);
  void number(uint64_t value);
  void text(std::string_view value);
  std::string finish() &&;

 private:
  std::string bytes_;
};

// Yields the fields in the order they were written; zeros and empty texts once it is not good().
class RecordReader {
 public:
  // `bytes` must outlive it.
  RecordReader(const RecordKind& kind, ByteView bytes);
  bool good() const { return good_; }
  // Good, and every field has been read.
  bool complete() const { return good_ && rest_.empty(); }
  uint64_t number();
  std::string text();

 private:
  ByteView rest_;
  bool good_ = false;
};

}  // namespace sjcp
