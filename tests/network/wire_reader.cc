#include "tests/network/wire_reader.h"

#include <array>
#include <string>

namespace sjcp::network {

bool WireReader::varint(uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return false;
    const uint8_t byte = rest_[0];
    rest_ = rest_.sub(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool WireReader::take(size_t n, ByteView& out) {
  if (n > rest_.size()) return false;
  out = rest_.sub(0, n);
  rest_ = rest_.sub(n);
  return true;
}

bool WireReader::next(WireField& field) {
  if (rest_.empty() || failed_) return false;
  uint64_t tag = 0;
  failed_ = true;
  if (!varint(tag)) return false;
  field.number = static_cast<uint32_t>(tag >> 3);
  field.type = static_cast<uint8_t>(tag & 7);
  uint64_t length = 0;
  bool ok = field.number != 0;
  switch (field.type) {
    case 0:
      ok = ok && varint(field.value);
      break;
    case 1:
      ok = ok && take(8, field.data);
      break;
    case 2:
      ok = ok && varint(length) && take(length, field.data);
      break;
    case 5:
      ok = ok && take(4, field.data);
      break;
    default:
      ok = false;
  }
  failed_ = !ok;
  return ok;
}

namespace {

struct FixedKind {
  size_t size;
  bool may_be_empty;
  const char* field;
  const char* noun;
};

FixedKind fixed_kind(FixedField kind) {
  switch (kind) {
    case FixedField::kNonce:
      return {24, false, "nonce", "a nonce"};
    case FixedField::kNodeId:
      return {32, false, "node ID", "a node id"};
    case FixedField::kPieceId:
      return {32, false, "piece ID", "a piece id"};
    case FixedField::kSerial:
      return {16, false, "serial number", "a serial number"};
    case FixedField::kPublicKey:
      return {32, true, "piece key", "a piece public key"};
    case FixedField::kNested:
      break;
  }
  return {0, true, "", ""};
}

Check check_size(FixedField kind, size_t size) {
  const FixedKind rule = fixed_kind(kind);
  if (size == rule.size || (size == 0 && rule.may_be_empty)) return {};
  return failure(code::kUnknown, std::string(rule.field) + ": not enough bytes to make " + rule.noun +
                                     "; have " + std::to_string(size) + ", need " +
                                     std::to_string(rule.size));
}

constexpr std::array kPieceHash{FieldRule{1, FixedField::kPieceId, {}}};
constexpr std::array kUploadResult{FieldRule{2, FixedField::kNodeId, {}},
                                   FieldRule{3, FixedField::kNested, kPieceHash}};
constexpr std::array kKeyAndNonce{FieldRule{2, FixedField::kNonce, {}}};
constexpr std::array kOrder{FieldRule{1, FixedField::kSerial, {}}};
constexpr std::array kOrderLimit{
    FieldRule{1, FixedField::kSerial, {}},  FieldRule{2, FixedField::kNodeId, {}},
    FieldRule{3, FixedField::kNodeId, {}},  FieldRule{4, FixedField::kNodeId, {}},
    FieldRule{5, FixedField::kPieceId, {}}, FieldRule{13, FixedField::kPublicKey, {}},
};

constexpr std::array kBeginObject{FieldRule{9, FixedField::kNonce, {}}};
constexpr std::array kCommitObject{FieldRule{2, FixedField::kNonce, {}}};
constexpr std::array kCommitSegment{FieldRule{2, FixedField::kNonce, {}},
                                    FieldRule{5, FixedField::kNested, kUploadResult}};
constexpr std::array kMakeInline{FieldRule{3, FixedField::kNonce, {}}};
constexpr std::array kUpdateMetadata{FieldRule{4, FixedField::kNonce, {}}};
constexpr std::array kFinishMove{FieldRule{3, FixedField::kNonce, {}},
                                 FieldRule{5, FixedField::kNested, kKeyAndNonce}};
constexpr std::array kFinishCopy{FieldRule{4, FixedField::kNonce, {}},
                                 FieldRule{6, FixedField::kNested, kKeyAndNonce}};

constexpr std::array kUpload{FieldRule{1, FixedField::kNested, kOrderLimit},
                             FieldRule{2, FixedField::kNested, kOrder},
                             FieldRule{4, FixedField::kNested, kPieceHash}};
constexpr std::array kDownload{FieldRule{1, FixedField::kNested, kOrderLimit},
                               FieldRule{2, FixedField::kNested, kOrder}};

struct MethodRules {
  std::string_view method;
  uint32_t batch_number;
  std::span<const FieldRule> rules;
};

constexpr std::array kMethods{
    MethodRules{"BeginObject", 6, kBeginObject},
    MethodRules{"CommitObject", 7, kCommitObject},
    MethodRules{"CommitSegment", 13, kCommitSegment},
    MethodRules{"MakeInlineSegment", 14, kMakeInline},
    MethodRules{"UpdateObjectMetadata", 24, kUpdateMetadata},
    MethodRules{"FinishMoveObject", 27, kFinishMove},
    MethodRules{"FinishCopyObject", 29, kFinishCopy},
};

}  // namespace

Check check_fields(ByteView message, std::span<const FieldRule> rules) {
  WireReader reader(message);
  WireField field;
  while (reader.next(field)) {
    for (const FieldRule& rule : rules) {
      if (rule.number != field.number || field.type != 2) continue;
      Check failed = rule.kind == FixedField::kNested ? check_fields(field.data, rule.nested)
                                                      : check_size(rule.kind, field.data.size());
      if (failed) return failed;
    }
  }
  if (reader.failed()) return failure(code::kUnknown, "proto: malformed message");
  return {};
}

std::span<const FieldRule> metainfo_field_rules(std::string_view method) {
  for (const MethodRules& entry : kMethods) {
    if (entry.method == method) return entry.rules;
  }
  return {};
}

std::span<const FieldRule> batch_item_field_rules(uint32_t number) {
  for (const MethodRules& entry : kMethods) {
    if (entry.batch_number == number) return entry.rules;
  }
  return {};
}

std::span<const FieldRule> upload_field_rules() {
  return kUpload;
}
std::span<const FieldRule> download_field_rules() {
  return kDownload;
}

}  // namespace sjcp::network
