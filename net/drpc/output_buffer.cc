#include "net/drpc/output_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sjcp::drpc {

namespace {

// Idle connections keep a small buffer, enough for some chunks of a piece, so that an upload does not
// allocate for each; one large message must not pin its memory for good.
constexpr size_t kKeptCapacity = 128 << 10;
constexpr size_t kLeastCapacity = 256;
// What is left moves to the front once this many times as much was taken, so that a buffer that is never
// quite empty neither grows without end nor copies much.
constexpr size_t kCompactRatio = 4;

}  // namespace

void OutputBuffer::reserve(size_t more) {
  if (more <= capacity_ - end_) return;
  const size_t kept = size();
  const size_t wanted =
      std::max({kLeastCapacity, kept + more, 2 * kept, std::min(2 * capacity_, kKeptCapacity)});
  // Not set to zero: all of it will be written.
  std::unique_ptr<uint8_t[]> larger(new uint8_t[wanted]);
  if (kept > 0) std::memcpy(larger.get(), data_.get() + begin_, kept);
  data_ = std::move(larger);
  capacity_ = wanted;
  begin_ = 0;
  end_ = kept;
}

ByteSpan OutputBuffer::extend(size_t size) {
  reserve(size);
  const ByteSpan room(data_.get() + end_, size);
  end_ += size;
  return room;
}

void OutputBuffer::append(ByteView bytes) {
  if (bytes.empty()) return;
  std::memcpy(extend(bytes.size()).data(), bytes.data(), bytes.size());
}

void OutputBuffer::consume(size_t n) {
  begin_ += n;
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptCapacity) {
      data_.reset();
      capacity_ = 0;
    }
  } else if (begin_ >= kCompactRatio * size()) {
    std::memmove(data_.get(), data_.get() + begin_, size());
    end_ -= std::exchange(begin_, 0);
  }
}

}  // namespace sjcp::drpc
