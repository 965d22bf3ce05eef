#include "net/drpc/output_buffer.h"

namespace sjcp::drpc {

namespace {

// Idle connections keep a small buffer, enough for a 64 KiB chunk with its frames, so that an upload does not
// allocate for each; one large message must not pin its memory for good.
constexpr size_t kKeptCapacity = 128 << 10;
// What is left moves to the front once this many times as much was taken, so that a buffer that is never
// quite empty neither grows without end nor copies much.
constexpr size_t kCompactRatio = 4;

}  // namespace

void OutputBuffer::consume(size_t n) {
  begin_ += n;
  if (begin_ == data_.size()) {
    begin_ = 0;
    data_.clear();
    if (data_.capacity() > kKeptCapacity) data_.shrink_to_fit();
  } else if (begin_ >= kCompactRatio * (data_.size() - begin_)) {
    data_.erase(0, begin_);
    begin_ = 0;
  }
}

}  // namespace sjcp::drpc
