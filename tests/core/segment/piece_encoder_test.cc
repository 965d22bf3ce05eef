#include "core/segment/piece_encoder.h"

#include <random>

#include "tests/core/segment/pattern.h"
#include "tests/support/catch.h"
#include "tests/support/random_bytes.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::segment;

namespace {

Redundancy scheme(uint32_t k, uint32_t n, uint32_t share_size) {
  return {k, k, n, n, share_size};
}

Bytes whole_piece(PieceEncoder& encoder, unsigned number) {
  Bytes piece(encoder.piece_size());
  encoder.read(number, 0, piece);
  return piece;
}

}  // namespace

TEST_CASE("PieceEncoder makes the network's pieces, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("rs.json")["segments"])) {
    const auto code = std::make_shared<erasure::Code>(vector["k"], vector["n"]);
    const Bytes segment = test::pattern(vector["segment_pattern"], vector["segment_size"]);
    PieceEncoder encoder(code, scheme(code->k(), code->n(), vector["share_size"]), segment, 1 << 20);
    INFO(code->k() << "/" << code->n() << " size " << segment.size());
    REQUIRE(encoder.piece_size() == vector["piece_size"].get<uint64_t>());
    for (unsigned i = 0; i < code->n(); ++i) {
      const Bytes piece = whole_piece(encoder, i);
      const std::string expected = vector["pieces_hex_or_sha256_first8"][i];
      if (code->k() < 29) {
        CHECK(to_hex(piece) == expected);
      } else {
        CHECK(to_hex(ByteView(crypto::sha256(piece)).first(8)) == expected);
      }
    }
  }
}

TEST_CASE(
    "PieceEncoder gives the same bytes whatever the order and size of reads and however small its cache is") {
  std::mt19937_64 random(1);
  const auto code = std::make_shared<erasure::Code>(4, 10);
  const Redundancy rs = scheme(4, 10, 256);
  const Bytes segment = test::random_bytes(random, 1000003);
  PieceEncoder reference(code, rs, segment, 16 << 20);
  std::vector<Bytes> pieces;
  for (unsigned i = 0; i < 10; ++i) pieces.push_back(whole_piece(reference, i));
  for (size_t cache : std::initializer_list<size_t>{0, 5000, 100000, 1 << 20}) {
    PieceEncoder encoder(code, rs, segment, cache);
    for (int round = 0; round < 2000; ++round) {
      const auto number = static_cast<unsigned>(random() % 10);
      const size_t offset = random() % encoder.piece_size();
      Bytes out(std::min<size_t>(random() % 9000, encoder.piece_size() - offset));
      encoder.read(number, offset, out);
      if (!equal(out, ByteView(pieces[number]).sub(offset, out.size()))) {
        FAIL("cache " << cache << " piece " << number << " at " << offset << " size " << out.size());
      }
    }
  }
}

TEST_CASE("PieceEncoder serves codes without parity and with huge shares") {
  std::mt19937_64 random(2);
  const Bytes segment = test::random_bytes(random, 3000000);
  const auto plain = std::make_shared<erasure::Code>(3, 3);
  PieceEncoder copies(plain, scheme(3, 3, 256), segment, 1 << 20);
  CHECK(equal(ByteView(whole_piece(copies, 0)).first(256), ByteView(segment).first(256)));
  const auto mirrored = std::make_shared<erasure::Code>(1, 3);
  PieceEncoder mirror(mirrored, scheme(1, 3, 1 << 20), segment, 1 << 20);
  for (unsigned i = 0; i < 3; ++i)
    CHECK(equal(ByteView(whole_piece(mirror, i)).first(segment.size()), segment));
}

TEST_CASE(
    "PieceEncoder gives the same bytes for pieces that were not expected, and for those that are again") {
  std::mt19937_64 random(3);
  const auto code = std::make_shared<erasure::Code>(4, 24);
  const Redundancy rs = scheme(4, 24, 256);
  const Bytes segment = test::random_bytes(random, 1000003);
  PieceEncoder reference(code, rs, segment, 16 << 20);
  std::vector<Bytes> pieces;
  for (unsigned i = 0; i < 24; ++i) pieces.push_back(whole_piece(reference, i));
  PieceEncoder encoder(code, rs, segment, 1 << 20);
  Bytes scratch(100000);
  for (int round = 0; round < 3000; ++round) {
    const auto number = static_cast<unsigned>(random() % 24);
    if (round % 3 == 0) encoder.expect(static_cast<unsigned>(random() % 24), random() % 2 == 0);
    const size_t offset = random() % encoder.piece_size();
    const size_t size = std::min<size_t>(random() % scratch.size(), encoder.piece_size() - offset);
    const ByteSpan got = ByteSpan(scratch).first(size);
    encoder.read(number, offset, got);
    if (!equal(got, ByteView(pieces[number]).sub(offset, size))) {
      FAIL("piece " << number << " at " << offset << " size " << size);
    }
  }
}

TEST_CASE("Parity is ready two thirds of the kept windows ahead; the others are kept for who is behind") {
  std::mt19937_64 random(3);
  const auto code = std::make_shared<erasure::Code>(4, 10);
  const Redundancy rs = scheme(4, 10, 256);
  const Bytes segment = test::random_bytes(random, 1000003);
  constexpr size_t kWindow = 16384;
  PieceEncoder encoder(code, rs, segment, 6 * kWindow * 6);
  Bytes out(kWindow);
  for (uint64_t i = 0; i < 4; ++i) {
    CHECK(encoder.ready(4, i * kWindow));
    encoder.read(4, i * kWindow, out);
  }
  CHECK_FALSE(encoder.ready(4, 4 * kWindow));
  CHECK(encoder.ready(0, 4 * kWindow));
  CHECK(encoder.ready(9, 0));
  encoder.settle(kWindow - 1);
  CHECK_FALSE(encoder.ready(4, 4 * kWindow));
  encoder.settle(kWindow);
  CHECK(encoder.ready(4, 4 * kWindow));
  encoder.read(4, 4 * kWindow, out);
  CHECK_FALSE(encoder.ready(4, 5 * kWindow));
  CHECK(encoder.windows_computed() == 5);
  encoder.read(6, 0, out);
  CHECK(encoder.windows_computed() == 5);
  // It can be read all the same.
  PieceEncoder reference(code, rs, segment, 16 << 20);
  const Bytes expected = whole_piece(reference, 5);
  for (const uint64_t i : {5, 0, 6, 1}) {
    encoder.read(5, i * kWindow, out);
    CHECK(equal(out, ByteView(expected).sub(i * kWindow, kWindow)));
  }
}
