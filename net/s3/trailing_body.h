// A body that its checksum follows, so that nobody has to read it before it is sent: in chunks as AWS frames
// them, with the CRC-32C in a trailer.
//
//   100000\r\n <1 MiB> \r\n ... 0\r\n x-amz-checksum-crc32c:<base64>\r\n \r\n
//
// Source: Amazon S3 API Reference, "Signature calculations for the Authorization header: transferring a
// payload in multiple chunks, including trailing headers"; the chunks themselves are not signed here.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::s3 {

class TrailingBody final : public http::RequestBody {
 public:
  // Services take at least 8 KiB, some at most 16 MiB.
  static constexpr uint64_t kChunk = 1 << 20;
  static constexpr const char* kHeader = "x-amz-checksum-crc32c";

  // body: of known size, which holds; outlives this.
  explicit TrailingBody(http::RequestBody& body) : body_(body), data_size_(body.size().value_or(0)) {}

  // Bytes of the body without its frame.
  uint64_t data_size() const { return data_size_; }
  // The checksum of what has been read since the beginning, in base64.
  std::string checksum() const;

  // With the frame.
  std::optional<uint64_t> size() const override;
  Result<size_t> read(ByteSpan out) override;
  Status rewind() override;

 private:
  void next_frame();

  http::RequestBody& body_;
  const uint64_t data_size_;
  uint64_t position_ = 0;    // in the data
  uint64_t chunk_left_ = 0;  // data of this chunk
  std::string frame_;        // comes before that
  size_t frame_position_ = 0;
  bool ended_ = false;  // the frame is the last one
  uint32_t crc_ = 0;
};

}  // namespace sjcp::s3
