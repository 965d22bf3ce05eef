#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/crypto/blake3.h"
#include "erasure/code.h"
#include "tests/bench/floor.h"
#include "tests/bench/floor_lines.h"

namespace sjcp::bench {
namespace {

using namespace segment;

constexpr size_t kRead = 1 << 20;

// The child takes the bytes out of the sockets and looks no further.
void drain(std::vector<Line>& lines) {
  std::vector<pollfd> waiting;
  waiting.reserve(lines.size());
  for (const Line& line : lines) waiting.push_back({line.fd(), POLLIN, 0});
  Bytes scratch(256 << 10);
  for (size_t open = waiting.size(); open > 0;) {
    if (poll(waiting.data(), waiting.size(), -1) < 0) die("poll");
    for (pollfd& entry : waiting) {
      if (entry.revents == 0 || read(entry.fd, scratch.data(), scratch.size()) > 0) continue;
      entry.fd = -1;
      --open;
    }
  }
}

class Uploader {
 public:
  Uploader(const Redundancy& rs, int file, Lines& lines)
      : rs_(rs),
        file_(file),
        lines_(lines),
        code_(rs.required, rs.total),
        plain_(kRead + kEncryptedBlockSize) {
    sealed_.resize(kBatch * rs.stripe_size() + kEncryptedBlockSize);
    pieces_.resize(rs.total * kBatch * rs.share_size);
  }

  Floor run(uint64_t size) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = thread_seconds();
    for (uint64_t at = 0, index = 0; at < size; at += kMaxSegmentSize, ++index)
      send_segment(at, std::min(kMaxSegmentSize, size - at), static_cast<int32_t>(index));
    floor_.cpu_seconds = thread_seconds() - cpu_begin;
    floor_.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return floor_;
  }

 private:
  void send_segment(uint64_t begin, uint64_t plain, int32_t index) {
    const BlockLayout layout;
    crypto::BlockCipher cipher(layout.cipher, crypto::Key(), segment_nonce({.part = 0, .index = index}));
    hashes_ = std::vector<crypto::Blake3>(rs_.total);
    const uint64_t blocks = segment::encrypted_size(plain, layout) / layout.encrypted_block;
    uint64_t read = 0;
    plain_size_ = plain_at_ = sealed_size_ = 0;
    for (uint64_t block = 0; block < blocks; ++block) {
      if (plain_size_ - plain_at_ < layout.plain_block()) fill(begin, plain, read);
      {
        const Spent spent(floor_.parts["AES-GCM"]);
        cipher.seal_block(block, ByteView(plain_).sub(plain_at_, layout.plain_block()),
                          {&sealed_[sealed_size_], layout.encrypted_block});
      }
      plain_at_ += layout.plain_block();
      sealed_size_ += layout.encrypted_block;
      if (sealed_size_ >= kBatch * rs_.stripe_size()) send_batch(kBatch);
    }
    // Padded to whole stripes.
    const size_t rest = (sealed_size_ + rs_.stripe_size() - 1) / rs_.stripe_size();
    if (rest > 0) send_batch(rest);
    const Spent spent(floor_.parts["hash"]);
    for (crypto::Blake3& hash : hashes_) hash.finish();
  }

  void fill(uint64_t begin, uint64_t plain, uint64_t& read) {
    const Spent spent(floor_.parts["read"]);
    plain_size_ -= plain_at_;
    std::memmove(plain_.data(), &plain_[plain_at_], plain_size_);
    plain_at_ = 0;
    const auto size = static_cast<size_t>(std::min<uint64_t>(kRead, plain - read));
    if (pread(file_, &plain_[plain_size_], size, static_cast<off_t>(begin + read)) !=
        static_cast<ssize_t>(size))
      die("cannot read");
    read += size;
    plain_size_ += size;
  }

  void send_batch(size_t stripes) {
    const size_t column = kBatch * rs_.share_size;
    {
      const Spent spent(floor_.parts["encode and copy"]);
      for (size_t s = 0; s < stripes; ++s) encode_stripe(&sealed_[s * rs_.stripe_size()], s * rs_.share_size);
    }
    const size_t size = stripes * rs_.share_size;
    {
      const Spent spent(floor_.parts["hash"]);
      for (unsigned i = 0; i < rs_.total; ++i) hashes_[i].update(ByteView(pieces_).sub(i * column, size));
    }
    {
      const Spent spent(floor_.parts["TLS and sockets"]);
      for (unsigned i = 0; i < rs_.total; ++i) lines_[i].write(ByteView(pieces_).sub(i * column, size));
    }
    const size_t used = std::min(stripes * rs_.stripe_size(), sealed_size_);
    sealed_size_ -= used;
    std::memmove(sealed_.data(), &sealed_[used], sealed_size_);
  }

  void encode_stripe(const uint8_t* stripe, size_t at) {
    const size_t column = kBatch * rs_.share_size;
    const uint8_t* data[255];
    uint8_t* parity[255];
    for (unsigned i = 0; i < rs_.required; ++i) {
      data[i] = stripe + size_t{i} * rs_.share_size;
      std::memcpy(&pieces_[i * column + at], data[i], rs_.share_size);
    }
    for (unsigned i = rs_.required; i < rs_.total; ++i) parity[i - rs_.required] = &pieces_[i * column + at];
    code_.encode(rs_.share_size, data, parity);
  }

  const Redundancy rs_;
  const int file_;
  Lines& lines_;
  const erasure::Code code_;
  Bytes plain_;
  size_t plain_size_ = 0;
  size_t plain_at_ = 0;
  Bytes sealed_;
  size_t sealed_size_ = 0;
  Bytes pieces_;  // kBatch shares of each
  std::vector<crypto::Blake3> hashes_;
  Floor floor_;
};

}  // namespace

Floor upload_floor(const Redundancy& rs, const std::string& source) {
  struct stat info{};
  const int file = open(source.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &info) != 0) die("cannot open " + source);
  Lines lines(rs.total, [] {}, drain);
  Floor floor = Uploader(rs, file, lines).run(static_cast<uint64_t>(info.st_size));
  close(file);
  return floor;
}

}  // namespace sjcp::bench
