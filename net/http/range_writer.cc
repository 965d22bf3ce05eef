#include "net/http/range_writer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sjcp::http {
namespace {

constexpr size_t kPage = 4096;
constexpr std::chrono::milliseconds kHeld{100};

}  // namespace

void RangeWriter::Free::operator()(uint8_t* memory) const {
  std::free(memory);
}

uint64_t RangeWriter::end() const {
  return std::min(range_.end, output_.end());
}

Status RangeWriter::take(ByteView bytes) {
  bytes = bytes.sub(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), range_.end - position_)));
  if (!buffer_ && !bytes.empty()) {
    const uint64_t wanted = std::min<uint64_t>(range_.end - range_.begin, kUnit);
    capacity_ = static_cast<size_t>((wanted + kPage - 1) / kPage * kPage);
    buffer_.reset(static_cast<uint8_t*>(std::aligned_alloc(kPage, capacity_)));
    if (!buffer_) return make_error(Errc::kInternal, "out of memory");
  }
  while (!bytes.empty()) {
    const auto held = static_cast<size_t>(position_ - written_);
    if (held == 0) held_since_ = std::chrono::steady_clock::now();
    // Writes end at multiples of their unit: the next ones are aligned.
    const auto room = static_cast<size_t>(std::min<uint64_t>(capacity_ - held, kUnit - position_ % kUnit));
    const size_t count = std::min(room, bytes.size());
    std::memcpy(buffer_.get() + held, bytes.data(), count);
    bytes = bytes.sub(count);
    position_ += count;
    output_.arrived(position_);
    if (count < room && position_ != range_.end) continue;
    if (Status s = flush(); !s) return s;
  }
  return {};
}

Status RangeWriter::tick(Clock::Steady now) {
  return position_ > written_ && now - held_since_ >= kHeld ? flush() : Status();
}

Status RangeWriter::flush() {
  const uint64_t end = std::min(position_, output_.end());
  if (end > written_) {
    const ByteView held(buffer_.get(), static_cast<size_t>(end - written_));
    if (Status s = output_.write(written_, held); !s) return s;
  }
  written_ = position_;
  return {};
}

}  // namespace sjcp::http
