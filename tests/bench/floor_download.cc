#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/segment/segment_encoder.h"
#include "tests/bench/floor.h"
#include "tests/bench/floor_lines.h"

namespace sjcp::bench {
namespace {

using namespace segment;

constexpr size_t kWrite = 1 << 20;

crypto::Key some_key() {
  crypto::Key key;
  std::ranges::fill(key.span(), uint8_t{7});
  return key;
}

// Any k of n nodes are as likely to be the fastest, so k * k / n of their shares are data.
std::vector<unsigned> typical_shares(const Redundancy& rs) {
  const unsigned present = (rs.required * rs.required + rs.total / 2) / rs.total;
  std::vector<unsigned> shares(rs.required);
  std::iota(shares.begin(), shares.end(), rs.required - present);
  return shares;
}

uint64_t segment_plain(uint64_t size, uint64_t index) {
  return std::min(kMaxSegmentSize, size - index * kMaxSegmentSize);
}

uint64_t segments_of(uint64_t size) {
  return (size + kMaxSegmentSize - 1) / kMaxSegmentSize;
}

// The child: all pieces that will be asked for, made before anything is measured.
class Sender {
 public:
  Sender(const Redundancy& rs, const std::string& source) : rs_(rs), source_(source) {}

  void prepare() {
    const int file = open(source_.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (file < 0 || fstat(file, &info) != 0) die("cannot read " + source_);
    const auto size = static_cast<uint64_t>(info.st_size);
    const auto code = std::make_shared<erasure::Code>(rs_.required, rs_.total);
    Bytes plain(kMaxSegmentSize);
    for (uint64_t i = 0; i < segments_of(size); ++i) {
      const ByteSpan part = ByteSpan(plain).first(segment_plain(size, i));
      if (pread(file, part.data(), part.size(), static_cast<off_t>(i * kMaxSegmentSize)) !=
          static_cast<ssize_t>(part.size()))
        die("cannot read " + source_);
      add_segment(part, i, code);
    }
    close(file);
  }

  void serve(std::vector<Line>& lines) const {
    for (const auto& pieces : segments_) {
      for (size_t at = 0; at < pieces[0].size(); at += kBatch * rs_.share_size) {
        for (size_t i = 0; i < lines.size(); ++i)
          lines[i].write(
              ByteView(pieces[i]).sub(at, std::min<size_t>(kBatch * rs_.share_size, pieces[i].size() - at)));
      }
    }
  }

 private:
  void add_segment(ByteView plain, uint64_t index, const std::shared_ptr<const erasure::Code>& code) {
    SegmentEncoder::Options options;
    options.key = some_key();
    options.position.index = static_cast<int32_t>(index);
    SegmentEncoder encoder(options);
    encoder.append(plain);
    encoder.finish();
    encoder.set_code(code, rs_);
    const uint64_t size = data_stripes(encoder.encrypted_size(), rs_) * rs_.share_size;
    auto& pieces = segments_.emplace_back();
    for (unsigned number : typical_shares(rs_)) {
      pieces.emplace_back(size);
      encoder.read(number, 0, pieces.back());
    }
  }

  const Redundancy rs_;
  const std::string source_;
  std::vector<std::vector<Bytes>> segments_;
};

class Receiver {
 public:
  Receiver(const Redundancy& rs, uint64_t size, int file)
      : rs_(rs), size_(size), file_(file), code_(rs.required, rs.total), decoder_(code_) {
    decoder_.use(typical_shares(rs));
    for (uint8_t*& share : shares_) share = nullptr;
    batch_.resize(rs.required * kBatch * rs.share_size);
    for (unsigned i = 0; i < rs.required; ++i) shares_[i] = &batch_[i * kBatch * rs.share_size];
    sealed_.resize(kEncryptedBlockSize + kBatch * rs.stripe_size());
    plain_.resize(kWrite + kEncryptedBlockSize);
  }

  Floor run(Lines& lines) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = thread_seconds();
    {
      const Spent spent(floor_.parts["write"]);
      if (posix_fallocate(file_, 0, static_cast<off_t>(size_)) != 0) die("no space");
    }
    for (uint64_t i = 0; i < segments_of(size_); ++i) receive(lines, i);
    write_out(true);
    floor_.cpu_seconds = thread_seconds() - cpu_begin;
    floor_.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return floor_;
  }

 private:
  void receive(Lines& lines, uint64_t index) {
    const BlockLayout layout;
    const uint64_t plain = segment_plain(size_, index);
    const uint64_t stripes = data_stripes(segment::encrypted_size(plain, layout), rs_);
    crypto::BlockCipher cipher(layout.cipher, some_key(),
                               segment_nonce({.part = 0, .index = static_cast<int32_t>(index)}));
    uint64_t block = 0;
    uint64_t left = plain;
    size_t carried = 0;
    for (uint64_t done = 0; done < stripes; done += kBatch) {
      const auto count = static_cast<size_t>(std::min<uint64_t>(kBatch, stripes - done));
      {
        const Spent spent(floor_.parts["TLS and sockets"]);
        for (unsigned i = 0; i < lines.size(); ++i) lines[i].read({shares_[i], count * rs_.share_size});
      }
      {
        const Spent spent(floor_.parts["decode and copy"]);
        decoder_.decode(shares_, rs_.share_size, count, &sealed_[carried]);
      }
      const size_t sealed = carried + count * rs_.stripe_size();
      size_t at = 0;
      for (; at + kEncryptedBlockSize <= sealed && left > 0; at += kEncryptedBlockSize) {
        open_block(cipher, block++, ByteView(sealed_).sub(at, kEncryptedBlockSize), left);
        if (plain_size_ >= kWrite) write_out(false);
      }
      carried = sealed - at;
      std::memmove(sealed_.data(), &sealed_[at], std::min<size_t>(carried, kEncryptedBlockSize));
    }
    if (left != 0) die("a segment is not whole");
  }

  void open_block(crypto::BlockCipher& cipher, uint64_t block, ByteView sealed, uint64_t& left) {
    const Spent spent(floor_.parts["AES-GCM"]);
    const size_t size = sealed.size() - cipher.overhead();
    if (!cipher.open_block(block, sealed, {&plain_[plain_size_], size})) die("a block does not open");
    const auto used = static_cast<size_t>(std::min<uint64_t>(size, left));
    plain_size_ += used;
    left -= used;
  }

  void write_out(bool all) {
    const Spent spent(floor_.parts["write"]);
    const size_t size = all ? plain_size_ : kWrite;
    if (pwrite(file_, plain_.data(), size, static_cast<off_t>(written_)) != static_cast<ssize_t>(size))
      die("cannot write");
    written_ += size;
    plain_size_ -= size;
    std::memmove(plain_.data(), &plain_[size], plain_size_);
  }

  const Redundancy rs_;
  const uint64_t size_;
  const int file_;
  const erasure::Code code_;
  erasure::Decoder decoder_;
  uint8_t* shares_[255];
  Bytes batch_;   // kBatch shares of each piece
  Bytes sealed_;  // the rest of a block, then kBatch stripes
  Bytes plain_;
  size_t plain_size_ = 0;
  uint64_t written_ = 0;
  Floor floor_;
};

}  // namespace

Floor download_floor(const Redundancy& rs, const std::string& source, const std::string& target) {
  struct stat info{};
  const int file = open(target.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || stat(source.c_str(), &info) != 0) die("cannot open " + source + " or " + target);
  Sender sender(rs, source);
  Receiver receiver(rs, static_cast<uint64_t>(info.st_size), file);
  Lines lines(rs.required, [&] { sender.prepare(); }, [&](std::vector<Line>& ends) { sender.serve(ends); });
  Floor floor = receiver.run(lines);
  close(file);
  return floor;
}

}  // namespace sjcp::bench
