#include "core/segment/piece_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace sjcp::segment {
namespace {

constexpr size_t kWindowBytes = 16 * 1024;  // of one piece
constexpr size_t kMinWindows = 4;
// Reading a window's stripes for one share costs about an eighth of computing all of a large code's.
constexpr uint64_t kWorthAllShares = 8;

}  // namespace

PieceEncoder::PieceEncoder(std::shared_ptr<const erasure::Code> code, const Redundancy& rs,
                           ByteView encrypted, size_t window_cache_bytes,
                           std::shared_ptr<BufferCache> buffers)
    : code_(std::move(code)),
      share_size_(rs.share_size),
      stripe_size_(rs.stripe_size()),
      encrypted_(encrypted),
      stripes_(segment::piece_size(encrypted.size(), rs) / rs.share_size),
      whole_stripes_(encrypted.size() / stripe_size_),
      buffers_(std::move(buffers)),
      share_(share_size_) {
  const ByteView rest = encrypted.sub(whole_stripes_ * stripe_size_);
  tail_.assign(rest.begin(), rest.end());
  tail_.resize((stripes_ - whole_stripes_) * stripe_size_);
  write_padding(ByteSpan(tail_).subspan(rest.size()));

  const size_t parity = std::max(code_->n() - code_->k(), 1u);
  const size_t window = std::min(kWindowBytes, window_cache_bytes / kMinWindows / parity);
  window_stripes_ = std::clamp<uint64_t>(window / share_size_, 1, stripes_);
  max_windows_ = std::max<size_t>(window_cache_bytes / (parity * window_bytes()), 1);
  std::vector<unsigned> all(code_->n() - code_->k());
  std::iota(all.begin(), all.end(), code_->k());
  expected_ = code_->select(std::move(all));
  alone_bytes_.resize((stripes_ + window_stripes_ - 1) / window_stripes_);
}

PieceEncoder::~PieceEncoder() {
  for (Window& window : windows_) buffers_->give_back(parity_bytes(), std::move(window.bytes));
}

const uint8_t* PieceEncoder::stripe(uint64_t s) const {
  return s < whole_stripes_ ? encrypted_.data() + s * stripe_size_
                            : tail_.data() + (s - whole_stripes_) * stripe_size_;
}

void PieceEncoder::data_of(uint64_t s, const uint8_t** chunks) const {
  const uint8_t* begin = stripe(s);
  for (size_t j = 0; j < code_->k(); ++j) chunks[j] = begin + j * share_size_;
}

void PieceEncoder::read(unsigned number, uint64_t offset, ByteSpan out) {
  if (number < code_->k()) {
    read_data(number, offset, out);
  } else {
    read_parity(number, offset, out);
  }
}

void PieceEncoder::read_data(unsigned number, uint64_t offset, ByteSpan out) const {
  while (!out.empty()) {
    const size_t within = offset % share_size_;
    const size_t size = std::min(share_size_ - within, out.size());
    std::memcpy(out.data(), stripe(offset / share_size_) + number * share_size_ + within, size);
    offset += size;
    out = out.subspan(size);
  }
}

void PieceEncoder::read_parity(unsigned number, uint64_t offset, ByteSpan out) {
  while (!out.empty()) {
    const uint64_t index = offset / window_bytes();
    const size_t within = offset % window_bytes();
    const size_t size = std::min(window_bytes() - within, out.size());
    if (const Window* kept = window(number, index, size)) {
      const uint8_t* piece = kept->bytes.get() + (number - code_->k()) * window_bytes();
      std::memcpy(out.data(), piece + within, size);
    } else {
      read_alone(number, offset, out.first(size));
    }
    offset += size;
    out = out.subspan(size);
  }
}

void PieceEncoder::read_alone(unsigned number, uint64_t offset, ByteSpan out) {
  std::array<const uint8_t*, 256> data;
  while (!out.empty()) {
    const size_t within = offset % share_size_;
    const size_t size = std::min(share_size_ - within, out.size());
    data_of(offset / share_size_, data.data());
    if (size == share_size_) {
      code_->encode_share(number, size, data.data(), out.data());
    } else {
      code_->encode_share(number, share_size_, data.data(), share_.data());
      std::memcpy(out.data(), share_.data() + within, size);
    }
    offset += size;
    out = out.subspan(size);
  }
}

void PieceEncoder::expect(unsigned number, bool likely) {
  const auto now = expected_.numbers();
  const auto at = std::ranges::lower_bound(now, number);
  const bool expected = at != now.end() && *at == number;
  if (number < code_->k() || expected == likely) return;
  std::vector<unsigned> numbers(now.begin(), now.end());
  const auto place = numbers.begin() + (at - now.begin());
  likely ? (void)numbers.insert(place, number) : (void)numbers.erase(place);
  expected_ = code_->select(std::move(numbers));
}

PieceEncoder::Window* PieceEncoder::window(unsigned number, uint64_t index, size_t size) {
  const auto kept = std::ranges::find(windows_, index, &Window::index);
  if (kept != windows_.end() && kept->holds(number)) return &*kept;
  if (!std::ranges::binary_search(expected_.numbers(), number)) return nullptr;
  if (index < frontier_) {
    alone_bytes_[index] += size;
    if (alone_bytes_[index] < kWorthAllShares * window_bytes()) return nullptr;
    if (kept == windows_.end() && !has_room()) return nullptr;
  }
  Window& window = kept != windows_.end() ? *kept : room_for_window();
  fill(window, index);
  return &window;
}

bool PieceEncoder::ready(unsigned number, uint64_t offset) const {
  const uint64_t index = offset / window_bytes();
  return number < code_->k() || index < frontier_ || has_room();
}

bool PieceEncoder::has_room() const {
  return frontier_ <
         settled_ + std::max<size_t>(max_windows_ * 2 / 3, 1);  // the others are for who is behind
}

PieceEncoder::Window& PieceEncoder::room_for_window() {
  if (windows_.size() < max_windows_) {
    windows_.emplace_back().bytes = buffers_->take(parity_bytes());
    return windows_.back();
  }
  return *std::ranges::min_element(windows_, {}, &Window::index);
}

void PieceEncoder::fill(Window& window, uint64_t index) {
  window.index = index;
  const auto numbers = expected_.numbers();
  window.numbers.assign(numbers.begin(), numbers.end());
  alone_bytes_[index] = 0;
  ++windows_computed_;
  frontier_ = std::max(frontier_, index + 1);
  std::array<const uint8_t*, 256> data;
  std::array<uint8_t*, 256> parity;
  const uint64_t first = index * window_stripes_;
  const uint64_t last = std::min(first + window_stripes_, stripes_);
  for (uint64_t s = first; s < last; ++s) {
    data_of(s, data.data());
    for (size_t i = 0; i < numbers.size(); ++i) {
      parity[i] = window.bytes.get() + (numbers[i] - code_->k()) * window_bytes() + (s - first) * share_size_;
    }
    code_->encode(expected_, share_size_, data.data(), parity.data());
  }
}

}  // namespace sjcp::segment
