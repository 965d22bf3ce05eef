#include "net/s3/trailing_body.h"

#include <algorithm>
#include <cstdio>

#include "core/base/crc32c.h"
#include "net/s3/object_info.h"

namespace sjcp::s3 {
namespace {

// Is hashed while it is in the nearest cache.
constexpr uint64_t kAtOnce = 128 << 10;
const std::string kTrailer = std::string("0\r\n") + TrailingBody::kHeader + ":";
constexpr std::string_view kEnd = "\r\n\r\n";
constexpr size_t kChecksumText = 8;  // four bytes in base64

std::string chunk_header(uint64_t bytes) {
  char text[24];
  const int length = std::snprintf(text, sizeof text, "%llx\r\n", static_cast<unsigned long long>(bytes));
  return {text, static_cast<size_t>(length)};
}

uint64_t framed(uint64_t bytes) {
  return chunk_header(bytes).size() + bytes + 2;
}

}  // namespace

std::string TrailingBody::checksum() const {
  const uint8_t bytes[] = {static_cast<uint8_t>(crc_ >> 24), static_cast<uint8_t>(crc_ >> 16),
                           static_cast<uint8_t>(crc_ >> 8), static_cast<uint8_t>(crc_)};
  return base64(ByteView(bytes, sizeof bytes));
}

std::optional<uint64_t> TrailingBody::size() const {
  const uint64_t last = data_size_ % kChunk;
  return data_size_ / kChunk * framed(kChunk) + (last > 0 ? framed(last) : 0) + kTrailer.size() +
         kChecksumText + kEnd.size();
}

void TrailingBody::next_frame() {
  frame_ = position_ > 0 ? "\r\n" : "";
  frame_position_ = 0;
  chunk_left_ = std::min(kChunk, data_size_ - position_);
  ended_ = chunk_left_ == 0;
  if (ended_) {
    frame_.append(kTrailer).append(checksum()).append(kEnd);
  } else {
    frame_ += chunk_header(chunk_left_);
  }
}

Result<size_t> TrailingBody::read(ByteSpan out) {
  size_t done = 0;
  while (done < out.size()) {
    const size_t room = out.size() - done;
    if (frame_position_ < frame_.size()) {
      const size_t count = std::min(room, frame_.size() - frame_position_);
      std::copy_n(frame_.begin() + static_cast<ptrdiff_t>(frame_position_), count, out.data() + done);
      frame_position_ += count;
      done += count;
    } else if (chunk_left_ > 0) {
      const auto most = static_cast<size_t>(std::min({uint64_t{room}, chunk_left_, kAtOnce}));
      auto count = body_.read(ByteSpan(out.data() + done, most));
      if (!count) return count;
      if (*count == 0) return make_error(Errc::kInternal, "a body is shorter than it says");
      crc_ = crc32c(ByteView(out.data() + done, *count), crc_);
      position_ += *count;
      chunk_left_ -= *count;
      done += *count;
    } else if (ended_) {
      break;
    } else {
      next_frame();
    }
  }
  return done;
}

Status TrailingBody::rewind() {
  position_ = 0;
  chunk_left_ = 0;
  frame_.clear();
  frame_position_ = 0;
  ended_ = false;
  crc_ = 0;
  return body_.rewind();
}

}  // namespace sjcp::s3
