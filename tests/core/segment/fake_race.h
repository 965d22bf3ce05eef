// A segment with all its pieces, and a race that feeds some of them to a SegmentDecoder in random order and
// fragments.
#pragma once

#include <algorithm>
#include <memory>

#include "core/segment/segment_decoder.h"
#include "core/segment/segment_encoder.h"
#include "tests/support/catch.h"
#include "tests/support/random_bytes.h"

namespace sjcp::test {

struct FakeSegment {
  segment::Redundancy rs;
  segment::BlockLayout layout;
  crypto::Key key = crypto::Key::random();
  segment::Position position{3, 7};
  Bytes plain;
  uint64_t encrypted_size = 0;
  std::shared_ptr<const erasure::Code> code;
  std::vector<Bytes> pieces;

  FakeSegment(std::mt19937_64& random, size_t size, const segment::Redundancy& scheme,
              const segment::BlockLayout& blocks = {})
      : rs(scheme), layout(blocks), plain(random_bytes(random, size)) {
    code = std::make_shared<erasure::Code>(rs.required, rs.total);
    segment::SegmentEncoder::Options options;
    options.layout = layout;
    options.key = key;
    options.position = position;
    options.max_plain_size = size;
    segment::SegmentEncoder encoder(options);
    encoder.append(plain);
    encoder.finish();
    encrypted_size = encoder.encrypted_size();
    encoder.set_code(code, rs);
    for (unsigned i = 0; i < rs.total; ++i) {
      pieces.emplace_back(encoder.piece_size());
      encoder.read(i, 0, pieces.back());
    }
  }

  segment::SegmentDecoder::Options options() const {
    segment::SegmentDecoder::Options result;
    result.rs = rs;
    result.layout = layout;
    result.encrypted_size = encrypted_size;
    result.plain_size = plain.size();
    result.key = key;
    result.position = position;
    result.range = {0, plain.size()};
    return result;
  }
};

class FakeRace {
 public:
  FakeRace(const FakeSegment& segment, const segment::SegmentDecoder::Options& options)
      : segment_(segment),
        options_(options),
        decoder(segment.code, options,
                [this](uint64_t offset, ByteView data) { return take(offset, data); }) {}

  void add(const std::vector<unsigned>& numbers) {
    for (unsigned number : numbers) decoder.add(number);
  }

  // Feeds a fragment of a random piece below `limit` bytes.  False: no piece takes anything.
  bool feed_some(std::mt19937_64& random, size_t fragment, uint64_t limit = ~0ull) {
    std::vector<unsigned> open;
    for (unsigned i = 0; i < segment_.rs.total; ++i) {
      if (decoder.in_play(i) && decoder.room(i) != 0 && decoder.taken(i) < limit) open.push_back(i);
    }
    if (open.empty()) return false;
    const unsigned number = open[random() % open.size()];
    const size_t size =
        std::min<size_t>({1 + random() % fragment, decoder.room(number), limit - decoder.taken(number)});
    const uint64_t at = decoder.piece_range().begin + decoder.taken(number);
    decoder.feed(number, ByteView(segment_.pieces[number]).sub(at, size));
    return true;
  }

  // Until all is written, an error, or no piece moves any more (then false).
  Result<bool> run(std::mt19937_64& random, size_t fragment, uint64_t limit = ~0ull) {
    for (;;) {
      auto done = decoder.advance();
      if (!done || *done) return done;
      if (!feed_some(random, fragment, limit)) return decoder.advance();
    }
  }

  // What was written is the wanted range from its beginning.
  bool right_so_far() const {
    return decoder.written() == output.size() && output.size() <= options_.range.size() &&
           equal(output, ByteView(segment_.plain).sub(options_.range.begin, output.size()));
  }
  bool all_right() const { return right_so_far() && output.size() == options_.range.size(); }

 private:
  Status take(uint64_t offset, ByteView data) {
    if (fail_at != 0 && output.size() >= fail_at) return make_error(Errc::kLocalIo, "disk full");
    contiguous &= offset == options_.range.begin + output.size() && !data.empty();
    runs.push_back(offset + data.size());
    output.insert(output.end(), data.begin(), data.end());
    return {};
  }

  const FakeSegment& segment_;
  const segment::SegmentDecoder::Options options_;

 public:
  segment::SegmentDecoder decoder;
  Bytes output;
  bool contiguous = true;
  std::vector<uint64_t> runs;  // where the outputs ended
  uint64_t fail_at = 0;        // not 0: output fails once that much was taken
};

}  // namespace sjcp::test
