// Bytes that wait to be written to a connection: appended at the end, taken from the front.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"

namespace sjcp::drpc {

class OutputBuffer {
 public:
  OutputBuffer() = default;
  OutputBuffer(const OutputBuffer&) = delete;
  OutputBuffer& operator=(const OutputBuffer&) = delete;

  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  // Valid until the next call that changes anything.
  ByteView view() const { return {data_.get() + begin_, size()}; }
  void append(ByteView bytes);
  // `size` more bytes, for the caller to fill in before the next call; until then they are undefined.
  ByteSpan extend(size_t size);
  // Room for so many more bytes without moving what is there.
  void reserve(size_t more);
  // Requires: n <= size().
  void consume(size_t n);

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace sjcp::drpc
