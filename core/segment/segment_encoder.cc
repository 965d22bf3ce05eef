#include "core/segment/segment_encoder.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/segment/buffer.h"
#include "core/segment/piece_encoder.h"

namespace sjcp::segment {

// sealed: blocks [0, block_) sealed, then the plain bytes of the block that is not whole yet at that block's
// place.
struct SegmentEncoder::State {
  explicit State(const Options& the_options)
      : options(the_options),
        nonce(segment_nonce(options.position)),
        cipher(options.layout.cipher, options.key, nonce),
        sealed(options.buffers->take(capacity())) {}
  ~State() { options.buffers->give_back(capacity(), std::move(sealed)); }

  uint64_t capacity() const { return segment::encrypted_size(options.max_plain_size, options.layout); }

  uint8_t* block_begin() const { return sealed.get() + block * options.layout.encrypted_block; }

  // Adds plain or padding bytes; seals every block that becomes whole.
  void add(ByteView bytes) {
    const size_t plain_block = options.layout.plain_block();
    while (!bytes.empty()) {
      const size_t size = std::min(plain_block - partial, bytes.size());
      if (size == plain_block) {
        cipher.seal_block(block, bytes.sub(0, size), {block_begin(), options.layout.encrypted_block});
        ++block;
      } else {
        std::memcpy(block_begin() + partial, bytes.data(), size);
        partial += size;
        if (partial == plain_block) seal_partial();
      }
      bytes = bytes.sub(size);
    }
  }

  void seal_partial() {
    cipher.seal_block(block, {block_begin(), partial}, {block_begin(), partial + cipher.overhead()});
    ++block;
    partial = 0;
  }

  Options options;
  crypto::Nonce nonce;
  crypto::BlockCipher cipher;
  Buffer sealed;
  uint64_t plain_size = 0;
  uint64_t block = 0;
  size_t partial = 0;  // plain bytes of `block`
  Bytes head;          // the first bytes in plain: an inline segment is sealed another way
  uint64_t encrypted_size = 0;
  std::optional<PieceEncoder> pieces;
};

SegmentEncoder::SegmentEncoder(Options options) {
  if (options.buffers == nullptr) options.buffers = std::make_shared<BufferCache>();
  state_ = std::make_unique<State>(options);
}
SegmentEncoder::~SegmentEncoder() = default;

void SegmentEncoder::append(ByteView plain) {
  State& s = *state_;
  const size_t inline_bytes = std::min<size_t>(kMaxInlineSize - s.head.size(), plain.size());
  s.head.insert(s.head.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(inline_bytes));
  s.plain_size += plain.size();
  s.add(plain);
}

uint64_t SegmentEncoder::plain_size() const {
  return state_->plain_size;
}

std::string SegmentEncoder::seal_inline() {
  const Options& options = state_->options;
  // The constructor accepted the cipher, and nothing else can fail.
  return *crypto::seal(options.layout.cipher, options.key, state_->nonce, state_->head);
}

void SegmentEncoder::finish() {
  State& s = *state_;
  Bytes padding(padding_size(s.plain_size, s.options.layout.padding_block()));
  write_padding(padding);
  s.add(padding);
  // Only without a cipher can the last block be short.
  s.encrypted_size = s.block * s.options.layout.encrypted_block + s.partial;
}

uint64_t SegmentEncoder::encrypted_size() const {
  return state_->encrypted_size;
}

void SegmentEncoder::set_code(std::shared_ptr<const erasure::Code> code, const Redundancy& rs) {
  State& s = *state_;
  s.pieces.emplace(std::move(code), rs, ByteView(s.sealed.get(), s.encrypted_size),
                   s.options.window_cache_bytes, s.options.buffers);
}

uint64_t SegmentEncoder::piece_size() const {
  return state_->pieces->piece_size();
}

void SegmentEncoder::read(unsigned number, uint64_t offset, ByteSpan out) {
  state_->pieces->read(number, offset, out);
}

bool SegmentEncoder::ready(unsigned number, uint64_t offset) const {
  return state_->pieces->ready(number, offset);
}

void SegmentEncoder::settle(uint64_t offset) {
  state_->pieces->settle(offset);
}

void SegmentEncoder::expect(unsigned number, bool likely) {
  state_->pieces->expect(number, likely);
}

uint64_t SegmentEncoder::memory(const Options& options) {
  return buffer_size(segment::encrypted_size(options.max_plain_size, options.layout)) +
         options.window_cache_bytes + kMaxInlineSize;
}

}  // namespace sjcp::segment
