#include "core/segment/segment_encoder.h"

#include <random>

#include "tests/core/segment/pattern.h"
#include "tests/support/catch.h"
#include "tests/support/random_bytes.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::segment;

namespace {

SegmentEncoder::Options options_of(const nlohmann::json& vector) {
  SegmentEncoder::Options options;
  options.key = *crypto::Key::from(test::unhex(vector["content_key_hex"]));
  options.max_plain_size = 100000;
  if (vector.contains("cipher")) {
    options.layout = {static_cast<crypto::CipherSuite>(vector["cipher"].get<int>()),
                      vector["encrypted_block_size"]};
    options.position = {vector["part"], vector["index"]};
  }
  return options;
}

// With one share of one, the piece is the encrypted segment and its padding.
Bytes encrypted_bytes(SegmentEncoder& encoder) {
  encoder.set_code(std::make_shared<erasure::Code>(1, 1), {1, 1, 1, 1, 256});
  Bytes bytes(encoder.encrypted_size());
  encoder.read(0, 0, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("SegmentEncoder seals the network's segments, for every vector and any size of appends") {
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["segments"])) {
    const Bytes plain = test::pattern(vector["plain_pattern"], vector["plain_size"]);
    for (size_t step : std::initializer_list<size_t>{1, 7, 23, 7408, 100000}) {
      SegmentEncoder encoder(options_of(vector));
      for (size_t at = 0; at < plain.size(); at += step) {
        encoder.append(ByteView(plain).sub(at, std::min(step, plain.size() - at)));
      }
      CHECK(encoder.plain_size() == plain.size());
      encoder.finish();
      REQUIRE(encoder.encrypted_size() == vector["encrypted_size"].get<uint64_t>());
      const Bytes sealed = encrypted_bytes(encoder);
      CHECK(to_hex(ByteView(crypto::sha256(sealed))) == vector["encrypted_sha256"].get<std::string>());
      if (vector.contains("encrypted_hex"))
        CHECK(to_hex(sealed) == vector["encrypted_hex"].get<std::string>());
    }
  }
}

TEST_CASE("SegmentEncoder seals the network's inline segments, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["inline"])) {
    const Bytes plain = test::pattern(vector["plain_pattern"], vector["plain_size"]);
    SegmentEncoder encoder(options_of(vector));
    encoder.append(ByteView(plain).sub(0, plain.size() / 3));
    encoder.append(ByteView(plain).sub(plain.size() / 3));
    const std::string sealed = encoder.seal_inline();
    CHECK(sealed.size() == vector["encrypted_size"].get<size_t>());
    CHECK(to_hex(ByteView(crypto::sha256(sealed))) == vector["encrypted_sha256"].get<std::string>());
  }
}

TEST_CASE("SegmentEncoder seals inline correctly when blocks are smaller than the content") {
  SegmentEncoder::Options options;
  options.layout.encrypted_block = 64;
  const Bytes plain = test::pattern("plain", kMaxInlineSize);
  SegmentEncoder encoder(options);
  encoder.append(plain);
  const auto expected = crypto::seal(crypto::CipherSuite::kAesGcm, options.key, segment_nonce({}), plain);
  CHECK(encoder.seal_inline() == *expected);
}

TEST_CASE("SegmentEncoder takes exactly its capacity, and its memory is stated") {
  std::mt19937_64 random(1);
  SegmentEncoder::Options options;
  for (uint64_t size : std::initializer_list<uint64_t>{7403, 7404, 7405, 7408, 22224}) {
    options.max_plain_size = size;
    SegmentEncoder encoder(options);
    encoder.append(test::random_bytes(random, size));
    encoder.finish();
    CHECK(encoder.encrypted_size() == encrypted_size(size, options.layout));
    CHECK(SegmentEncoder::memory(options) >= encoder.encrypted_size() + options.window_cache_bytes);
  }
}
