#include "core/segment/block_opener.h"

#include <algorithm>
#include <cstring>

namespace sjcp::segment {

BlockOpener::BlockOpener(const Options& options, const crypto::Key& key, const crypto::Nonce& start,
                         Output output)
    : options_(options),
      cipher_(options.layout.cipher, key, start),
      output_(std::move(output)),
      staging_(make_buffer(uint64_t{options.layout.encrypted_block} + options.batch_bytes)),
      out_(make_buffer(uint64_t{options.layout.plain_block()} + options.output_bytes)),
      stream_(options.stream_begin),
      block_(options.blocks.begin),
      out_offset_(options.plain.begin) {}

uint64_t BlockOpener::memory(const Options& options) {
  return buffer_size(uint64_t{options.layout.encrypted_block} + options.batch_bytes) +
         buffer_size(uint64_t{options.layout.plain_block()} + options.output_bytes);
}

ByteRange BlockOpener::extent(uint64_t block) const {
  const uint64_t begin = block * options_.layout.encrypted_block;
  return {begin, std::min(begin + options_.layout.encrypted_block, options_.encrypted_size)};
}

Status BlockOpener::accept(size_t size) {
  opened_ = 0;
  const uint64_t end = stream_ + carried_ + size;
  while (block_ < options_.blocks.end) {
    const ByteRange block = extent(block_);
    if (block.end > end) break;
    const ByteView sealed(staging_.get() + (block.begin - stream_), block.size());
    if (Status status = open_block(sealed); !status) return status;
    ++block_;
    ++opened_;
  }
  const uint64_t begin = block_ < options_.blocks.end ? std::min(extent(block_).begin, end) : end;
  carried_ = end - begin;
  if (carried_ != 0) std::memmove(staging_.get(), staging_.get() + (begin - stream_), carried_);
  stream_ = begin;
  if (block_ == options_.blocks.end) return write_out(true);
  return {};
}

Status BlockOpener::open_block(ByteView sealed) {
  uint8_t* out = out_.get() + out_size_;
  const size_t size = sealed.size() - cipher_.overhead();
  if (!cipher_.open_block(block_, sealed, {out, size})) {
    if (Status status = write_out(true); !status) return status;
    return make_error(Errc::kIntegrity,
                      "block " + std::to_string(block_) + " does not decrypt: wrong piece data or key");
  }
  const uint64_t begin = block_ * options_.layout.plain_block();
  const uint64_t wanted_begin = std::max(begin, options_.plain.begin);
  const uint64_t wanted_end = std::min(begin + size, options_.plain.end);
  if (wanted_begin != begin) std::memmove(out, out + (wanted_begin - begin), wanted_end - wanted_begin);
  out_size_ += wanted_end - wanted_begin;
  return write_out(false);
}

// Runs end where the next one begins aligned, which is what files like.
Status BlockOpener::write_out(bool all) {
  size_t done = 0;
  Status status;
  while (done < out_size_ && status) {
    const uint64_t offset = out_offset_ + done;
    const size_t run = options_.output_bytes - offset % options_.output_bytes;
    if (run > out_size_ - done && !all) break;
    const size_t size = std::min(run, out_size_ - done);
    status = output_(offset, {out_.get() + done, size});
    if (status) done += size;
  }
  if (done != 0 && done < out_size_) std::memmove(out_.get(), out_.get() + done, out_size_ - done);
  out_offset_ += done;
  out_size_ -= done;
  return status;
}

}  // namespace sjcp::segment
