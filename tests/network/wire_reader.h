// Walks the fields of a serialized protobuf message without copying, and checks what generated code cannot
// see: byte fields of fixed size that are present with a wrong length (also zero), which the network's
// decoder refuses.
//
// Threads: any; the bytes must outlive the reader.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/bytes.h"
#include "tests/network/rpc.h"

namespace sjcp::network {

struct WireField {
  uint32_t number = 0;
  uint8_t type = 0;    // 0 varint, 1 fixed64, 2 bytes, 5 fixed32
  uint64_t value = 0;  // of a varint
  ByteView data;       // of bytes
};

class WireReader {
 public:
  explicit WireReader(ByteView bytes) : rest_(bytes) {}
  // False at the end and on malformed input.
  bool next(WireField& field);
  bool failed() const { return failed_; }

 private:
  bool varint(uint64_t& value);
  bool take(size_t n, ByteView& out);

  ByteView rest_;
  bool failed_ = false;
};

// What a field must look like.
enum class FixedField : uint8_t { kNonce, kNodeId, kPieceId, kSerial, kPublicKey, kNested };

struct FieldRule {
  uint32_t number = 0;
  FixedField kind = FixedField::kNested;
  std::span<const FieldRule> nested = {};  // for kNested
};

// Code 0 with the decoder's text when a rule is broken or the bytes are no message.
Check check_fields(ByteView message, std::span<const FieldRule> rules);

// The rules of one metainfo method's request, by method name; empty when it has none.
std::span<const FieldRule> metainfo_field_rules(std::string_view method);
// The rules of an item of BatchRequest, by its oneof number.
std::span<const FieldRule> batch_item_field_rules(uint32_t number);
std::span<const FieldRule> upload_field_rules();    // PieceUploadRequest
std::span<const FieldRule> download_field_rules();  // PieceDownloadRequest

}  // namespace sjcp::network
