// CPU seconds (user + sys) per GB (1e9 bytes of plaintext) of the arithmetic of a segment, one JSON line per
// figure:
//   segment_bench [runs [part of the figures' names]]
// One run is one full segment at 29/80 in buffers that are far larger than the caches.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/segment/segment_decoder.h"
#include "core/segment/segment_encoder.h"

using namespace sjcp;
using namespace sjcp::segment;

namespace {

constexpr size_t kPlain = kMaxSegmentSize;
constexpr size_t kMessage = 16300;  // bytes of a piece that come at once
const Redundancy kScheme{29, 35, 65, 80, 256};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Keeps the compiler and the reader from believing that the bytes are not needed.
void use(const void* p) {
  asm volatile("" : : "r"(p) : "memory");
}

std::string name_filter;

void measure(const std::string& name, int runs, const std::function<void()>& body) {
  if (name.find(name_filter) == std::string::npos) return;
  std::vector<double> figures;
  body();
  for (int i = 0; i < runs; ++i) {
    const double begin = cpu_seconds();
    body();
    figures.push_back((cpu_seconds() - begin) / (kPlain / 1e9));
  }
  std::ranges::sort(figures);
  std::printf("{\"name\":\"%s\",\"unit\":\"cpu_s_per_gb\",\"min\":%.3f,\"median\":%.3f,\"runs\":%d}\n",
              name.c_str(), figures.front(), figures[figures.size() / 2], runs);
  std::fflush(stdout);
}

struct Sample {
  Bytes plain = Bytes(kPlain);
  crypto::Key key = crypto::Key::random();
  std::shared_ptr<const erasure::Code> code =
      std::make_shared<erasure::Code>(kScheme.required, kScheme.total);
  uint64_t encrypted_size = 0;
  std::vector<Bytes> pieces;

  Sample() {
    std::mt19937_64 random(1);
    for (uint8_t& byte : plain) byte = static_cast<uint8_t>(random());
    const auto encoder = seal();
    encoder->set_code(code, kScheme);
    encrypted_size = encoder->encrypted_size();
    for (unsigned i = 0; i < kScheme.total; ++i) {
      pieces.emplace_back(encoder->piece_size());
      encoder->read(i, 0, pieces.back());
    }
  }

  std::unique_ptr<SegmentEncoder> seal() const {
    SegmentEncoder::Options options;
    options.key = key;
    auto encoder = std::make_unique<SegmentEncoder>(options);
    for (size_t at = 0; at < plain.size(); at += 1 << 20) encoder->append(ByteView(plain).sub(at, 1 << 20));
    encoder->finish();
    return encoder;
  }

  SegmentDecoder::Options decoder_options() const {
    SegmentDecoder::Options options;
    options.rs = kScheme;
    options.encrypted_size = encrypted_size;
    options.plain_size = kPlain;
    options.key = key;
    options.range = {0, kPlain};
    return options;
  }
};

// Feeds `numbers` message by message, in turn or in random order, until the segment is whole.
void download(const Sample& sample, const std::vector<unsigned>& numbers, bool in_turn,
              bool correct = false) {
  std::mt19937 random(2);
  auto options = sample.decoder_options();
  options.correct_errors = correct;
  SegmentDecoder decoder(sample.code, options, [](uint64_t, ByteView data) {
    use(data.data());
    return Status();
  });
  for (unsigned number : numbers) decoder.add(number);
  for (size_t turn = 0;; ++turn) {
    const unsigned number = numbers[in_turn ? turn % numbers.size() : random() % numbers.size()];
    const size_t size = std::min(decoder.room(number), kMessage);
    decoder.feed(number, ByteView(sample.pieces[number]).sub(decoder.taken(number), size));
    const auto done = decoder.advance();
    if (!done) {
      std::fprintf(stderr, "%s\n", done.error().what.c_str());
      std::exit(1);
    }
    if (*done) return;
  }
}

std::vector<unsigned> with_missing(unsigned missing) {
  std::vector<unsigned> numbers(kScheme.required);
  std::iota(numbers.begin(), numbers.end(), missing);
  return numbers;
}

void bench_download(const Sample& sample, int runs) {
  for (unsigned missing : {0u, 10u, 18u, 29u}) {
    measure("feed_decode_open_" + std::to_string(missing) + "_missing", runs,
            [&] { download(sample, with_missing(missing), true); });
  }
  std::vector<unsigned> offered(39);
  for (unsigned i = 0; i < offered.size(); ++i) offered[i] = 2 * i + 1;
  measure("feed_decode_open_race_of_39_random_order", runs, [&] { download(sample, offered, false); });
  measure("feed_check_decode_open_39", runs, [&] { download(sample, offered, true, true); });
}

// All pieces advance together, message by message, as an upload reads them.
void bench_upload(const Sample& sample, int runs) {
  measure("seal", runs, [&] { sample.seal(); });
  std::vector<Bytes> pieces(kScheme.total);
  const auto read_all = [&](SegmentEncoder& encoder, const std::vector<unsigned>& numbers) {
    for (Bytes& piece : pieces) piece.resize(encoder.piece_size());
    for (uint64_t at = 0; at < encoder.piece_size(); at += 64 * 1024) {
      const size_t size = std::min<uint64_t>(64 * 1024, encoder.piece_size() - at);
      for (unsigned number : numbers) encoder.read(number, at, ByteSpan(pieces[number]).subspan(at, size));
    }
  };
  std::vector<unsigned> all(kScheme.total);
  std::iota(all.begin(), all.end(), 0u);
  measure("seal_encode_read_80", runs, [&] {
    const auto encoder = sample.seal();
    encoder->set_code(sample.code, kScheme);
    read_all(*encoder, all);
  });
  const auto encoder = sample.seal();
  encoder->set_code(sample.code, kScheme);
  read_all(*encoder, all);
  measure("read_one_late_parity_piece", runs, [&] {
    encoder->set_code(sample.code, kScheme);
    encoder->read(79, encoder->piece_size() - 1, ByteSpan(pieces[79]).first(1));
    read_all(*encoder, {50});
  });
}

void bench_correct(const Sample& sample, int runs) {
  std::vector<unsigned> numbers(50);
  std::iota(numbers.begin(), numbers.end(), 0u);
  std::vector<Bytes> shares(sample.pieces.begin(), sample.pieces.begin() + 50);
  std::vector<uint8_t*> pointers;
  for (Bytes& share : shares) pointers.push_back(share.data());
  const auto correct = [&](size_t wrong) {
    for (size_t i = 0; i < wrong; ++i) {
      for (uint8_t& byte : shares[5 * i]) byte ^= 0x5a;
    }
    if (erasure::correct(*sample.code, numbers, pointers, shares[0].size()).wrong.size() != wrong)
      std::abort();
  };
  measure("correct_50_pieces_0_wrong", runs, [&] { correct(0); });
  measure("correct_50_pieces_1_wrong", runs, [&] { correct(1); });
  measure("correct_50_pieces_10_wrong", runs, [&] { correct(10); });
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = std::max(argc > 1 ? std::atoi(argv[1]) : 7, 1);
  if (argc > 2) name_filter = argv[2];
  const Sample sample;
  bench_download(sample, runs);
  bench_upload(sample, runs);
  bench_correct(sample, runs);
}
