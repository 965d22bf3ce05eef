// The second half of SegmentEncoder: encrypted bytes -> any range of any of the n pieces.  Internal to the
// room.
//
// Data pieces are gathered from the stripes.  Parity is computed for a window of stripes for all pieces at
// once and the latest windows are kept; a piece that comes after its window was dropped has its share
// computed alone, until enough of them came that the window is worth computing again.  Pieces that nobody is
// expected to read are left out of the windows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/bytes.h"
#include "core/segment/buffer.h"
#include "core/segment/layout.h"
#include "erasure/code.h"

namespace sjcp::segment {

class PieceEncoder {
 public:
  // `encrypted` must outlive this object; it need not be padded.
  PieceEncoder(std::shared_ptr<const erasure::Code> code, const Redundancy& rs, ByteView encrypted,
               size_t window_cache_bytes,
               std::shared_ptr<BufferCache> buffers = std::make_shared<BufferCache>());
  ~PieceEncoder();

  uint64_t piece_size() const { return stripes_ * share_size_; }
  // Requires: number < n, [offset, offset + out.size()) within piece_size().
  void read(unsigned number, uint64_t offset, ByteSpan out);
  // Whether a piece is likely to be read; at first all are.  Any can be read at any time.
  void expect(unsigned number, bool likely);
  // False: it lies further ahead of most readers than two thirds of the windows that are kept, of which the
  // others are for those behind; settle() makes room.  It can be read all the same.
  bool ready(unsigned number, uint64_t offset) const;
  // Most readers are beyond `offset`.
  void settle(uint64_t offset) { settled_ = std::max(settled_, offset / window_bytes()); }
  // What reading has cost so far.
  uint64_t windows_computed() const { return windows_computed_; }

 private:
  struct Window {
    bool holds(unsigned number) const { return std::ranges::binary_search(numbers, number); }

    uint64_t index = 0;
    std::vector<unsigned> numbers;  // pieces that were computed, ascending
    Buffer bytes;                   // piece p at (p - k) * window_bytes()
  };

  size_t parity_bytes() const { return (code_->n() - code_->k()) * window_bytes(); }  // of all pieces
  size_t window_bytes() const { return window_stripes_ * share_size_; }               // of one piece
  const uint8_t* stripe(uint64_t s) const;
  void data_of(uint64_t s, const uint8_t** chunks) const;
  void read_data(unsigned number, uint64_t offset, ByteSpan out) const;
  void read_parity(unsigned number, uint64_t offset, ByteSpan out);
  void read_alone(unsigned number, uint64_t offset, ByteSpan out);
  // The window, if it is kept or worth computing for a reader of `size` bytes of the piece; nullptr: compute
  // the share alone.
  Window* window(unsigned number, uint64_t index, size_t size);
  bool has_room() const;
  Window& room_for_window();
  void fill(Window& window, uint64_t index);

  const std::shared_ptr<const erasure::Code> code_;
  const size_t share_size_;
  const size_t stripe_size_;
  const ByteView encrypted_;
  const uint64_t stripes_;
  uint64_t whole_stripes_;  // that lie in encrypted_; the others in tail_
  Bytes tail_;              // rest of encrypted_ and the padding
  const std::shared_ptr<BufferCache> buffers_;
  uint64_t window_stripes_;
  size_t max_windows_;
  std::vector<Window> windows_;
  uint64_t windows_computed_ = 0;
  uint64_t frontier_ = 0;              // windows below it were computed at least once
  uint64_t settled_ = 0;               // windows below it have been read by most
  std::vector<uint64_t> alone_bytes_;  // by window: computed alone since it was dropped
  erasure::Code::Selection expected_;  // parity pieces
  Bytes share_;                        // one share, when a reader wants part of it
};

}  // namespace sjcp::segment
