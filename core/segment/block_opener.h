// The second half of SegmentDecoder: a stream of encrypted bytes -> blocks -> plaintext in runs that end at
// multiples of output_bytes.  Internal to the room.
//
//   staging  [ start of a block, carried over | one batch of stripes ... ]   -- opened -->   output buffer
//
// The stream begins at a stripe, the first block somewhere in it; bytes before it and after the last block
// are dropped.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/aead.h"
#include "core/segment/buffer.h"
#include "core/segment/layout.h"

namespace sjcp::segment {

class BlockOpener {
 public:
  struct Options {
    BlockLayout layout;
    uint64_t encrypted_size = 0;
    ByteRange blocks;           // to open, by number
    ByteRange plain;            // wanted
    uint64_t stream_begin = 0;  // encrypted offset of the first byte to come; at or before the first block
    size_t batch_bytes = 0;     // most that comes at once; more than stream_begin lies before the first block
    size_t output_bytes = 0;
  };
  using Output = std::function<Status(uint64_t offset, ByteView data)>;

  BlockOpener(const Options& options, const crypto::Key& key, const crypto::Nonce& start, Output output);

  // Where the next batch goes: room for batch_bytes.
  uint8_t* space() { return staging_.get() + carried_; }
  // Takes `size` bytes that were written to space() and opens every block that is whole.  kIntegrity when one
  // does not open (what was opened before it is written out), or what the output returned.
  Status accept(size_t size);

  // Hands over all that is opened.
  Status flush() { return write_out(true); }

  // True: some bytes of the next block were accepted already.
  bool carries() const { return carried_ != 0; }
  // Blocks that the last accept() opened.
  uint64_t opened() const { return opened_; }
  uint64_t written() const { return out_offset_ - options_.plain.begin; }

  static uint64_t memory(const Options& options);

 private:
  ByteRange extent(uint64_t block) const;  // encrypted bytes of a block
  Status open_block(ByteView sealed);
  Status write_out(bool all);

  const Options options_;
  crypto::BlockCipher cipher_;
  const Output output_;
  Buffer staging_;
  Buffer out_;
  uint64_t stream_;     // encrypted offset of staging_[0]
  size_t carried_ = 0;  // bytes of staging_ in use between calls
  uint64_t block_;      // next to open
  uint64_t opened_ = 0;
  uint64_t out_offset_;  // plain offset of out_[0]
  size_t out_size_ = 0;
};

}  // namespace sjcp::segment
