// Plaintext in, pieces out: seals a segment once and serves ranges of any of its n pieces.
//
// append() seals block by block into one buffer of the segment's encrypted size; finish() pads it.  Parity is
// computed for a window of stripes for all pieces at once and kept for the pieces that follow; a piece that
// comes later than the cached windows has its own share computed alone.  Retries therefore need no second
// pass over the source.
//
// Threads: append/finish one thread; read() one thread at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"
#include "core/crypto/key.h"
#include "core/segment/layout.h"
#include "erasure/code.h"

namespace sjcp::segment {

class BufferCache;  // core/segment/buffer.h

class SegmentEncoder {
 public:
  struct Options {
    BlockLayout layout;
    crypto::Key key;
    Position position;
    uint64_t max_plain_size = kMaxSegmentSize;  // capacity
    size_t window_cache_bytes = 4 << 20;        // parity kept
    std::shared_ptr<BufferCache> buffers;       // shared by segments, so that they reuse them; null: none
  };

  explicit SegmentEncoder(Options options);
  ~SegmentEncoder();

  // Requires: total <= max_plain_size.
  void append(ByteView plain);
  uint64_t plain_size() const;

  // Sealed as one inline segment: a single box over everything appended.  Requires: plain_size() <=
  // kMaxInlineSize and finish() was not called.
  std::string seal_inline();

  // Pads and seals the rest.  After it, encrypted_size() is known.
  void finish();
  uint64_t encrypted_size() const;

  // The redundancy scheme is the satellite's answer, so it comes after sealing may have begun.
  // Requires: finish() was called.
  void set_code(std::shared_ptr<const erasure::Code> code, const Redundancy& rs);
  uint64_t piece_size() const;

  // Bytes [offset, offset + out.size()) of piece `number`.  Requires: within piece_size().
  void read(unsigned number, uint64_t offset, ByteSpan out);

  // For readers that keep together: false means that reading on from there is cheaper once most others have
  // come closer, which settle() tells: most are beyond `offset`.
  bool ready(unsigned number, uint64_t offset) const;
  void settle(uint64_t offset);

  // Whether a piece is likely to be read; at first all are.  Any can be read at any time.
  void expect(unsigned number, bool likely);

  static uint64_t memory(const Options& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::segment
