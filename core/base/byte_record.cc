#include "core/base/byte_record.h"

#include "core/base/crc32c.h"

namespace sjcp {
namespace {

constexpr size_t kNameSize = 8;
constexpr size_t kHeaderSize = kNameSize + 4 + 4;
constexpr size_t kChecksumSize = 4;

void append_little_endian(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t little_endian(ByteView bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{bytes[i]} << (8 * i);
  return value;
}

}  // namespace

RecordWriter::RecordWriter(const RecordKind& kind) : bytes_(kind.name) {
  append_little_endian(bytes_, kind.version, 4);
  append_little_endian(bytes_, 0, 4);  // the length, once it is known
}

void RecordWriter::number(uint64_t value) {
  append_little_endian(bytes_, value, 8);
}

void RecordWriter::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
}

std::string RecordWriter::finish() && {
  std::string length;
  append_little_endian(length, bytes_.size() - kHeaderSize, 4);
  bytes_.replace(kHeaderSize - 4, 4, length);
  append_little_endian(bytes_, crc32c(bytes_), kChecksumSize);
  return std::move(bytes_);
}

RecordReader::RecordReader(const RecordKind& kind, ByteView bytes) {
  if (bytes.size() < kHeaderSize + kChecksumSize) return;
  const ByteView covered = bytes.sub(0, bytes.size() - kChecksumSize);
  const ByteView body = covered.sub(kHeaderSize);
  good_ = equal(bytes.sub(0, kNameSize), kind.name) &&
          little_endian(bytes.sub(kNameSize, 4)) == kind.version &&
          little_endian(bytes.sub(kNameSize + 4, 4)) == body.size() &&
          little_endian(bytes.sub(covered.size())) == crc32c(covered);
  if (good_) rest_ = body;
}

uint64_t RecordReader::number() {
  good_ = good_ && rest_.size() >= 8;
  if (!good_) return 0;
  const uint64_t value = little_endian(rest_.sub(0, 8));
  rest_ = rest_.sub(8);
  return value;
}

std::string RecordReader::text() {
  const uint64_t size = number();
  good_ = good_ && size <= rest_.size();
  if (!good_) return {};
  std::string value = rest_.sub(0, size).str();
  rest_ = rest_.sub(size);
  return value;
}

}  // namespace sjcp
