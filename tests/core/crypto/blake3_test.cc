#include "core/crypto/blake3.h"

#include <random>

#include "core/crypto/blake3_kernel.h"
#include "tests/support/catch.h"
#include "tests/support/random_bytes.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using crypto::Blake3;

namespace {

// The input of the algorithm's published test vectors: byte i is i mod 251.
std::string counting(size_t n) {
  std::string out(n, '\0');
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>(i % 251);
  return out;
}

std::string digest_with(const crypto::blake3::Kernel& kernel, ByteView data) {
  Blake3 hash(kernel);
  hash.update(data);
  return to_hex(hash.finish());
}

std::string digest_in_steps(ByteView data, size_t step) {
  Blake3 hash;
  for (size_t at = 0; at < data.size(); at += step)
    hash.update(data.sub(at, std::min(step, data.size() - at)));
  return to_hex(hash.finish());
}

const crypto::blake3::Kernel& kernel_of_this_run() {
  const auto& kernels = crypto::blake3::usable_kernels();
  const size_t index = GENERATE_COPY(range(size_t{0}, kernels.count));
  return *kernels.list[index];
}

}  // namespace

TEST_CASE("BLAKE3 gives the published digests at every shape of the tree, on every instruction set") {
  const std::pair<size_t, const char*> known[] = {
      {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"},
      {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
      {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
      {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
      {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
      {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
      {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
      {3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
      {8192, "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
      {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
      {16384, "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"},
      {16385, "1dabe216be2578830263b049de1639f39f05a4da616b9b78c7a5e4e41662fd1f"},
      {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
      {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
      {1048583, "89541f1047f7a56806fe16efda4c2cdc45f141c838e413019f0124189fa55232"},
  };
  const auto& kernel = kernel_of_this_run();
  CAPTURE(kernel.name);
  for (const auto& [size, digest] : known) CHECK(digest_with(kernel, counting(size)) == digest);
  CHECK(digest_with(kernel, std::string_view("abc")) ==
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
}

TEST_CASE("BLAKE3 is the same on every instruction set, for any length and any bytes") {
  const auto& kernel = kernel_of_this_run();
  CAPTURE(kernel.name);
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    const size_t size = i < 100 ? random() % 40000 : (random() % 300) * 1024 + (i % 2 ? random() % 3 : 0);
    const Bytes data = test::random_bytes(random, size);
    REQUIRE(digest_with(kernel, data) == digest_with(crypto::blake3::kPortable, data));
  }
}

TEST_CASE("compressing many inputs at once changes nothing, for chunks and nodes of any number") {
  const auto& kernel = kernel_of_this_run();
  CAPTURE(kernel.name);
  std::mt19937_64 random(9);
  const Bytes data = test::random_bytes(random, 40 * 1024);
  for (size_t count = 1; count <= 40; ++count) {
    // The counter passes 32 bits within the chunks.
    const crypto::blake3::Inputs kinds[] = {
        {data.data(), count, 16, (uint64_t{1} << 32) - 20, 1, 0, 1, 2},
        {data.data(), count, 1, 0, 0, 4, 0, 0},
    };
    for (const auto& inputs : kinds) {
      Bytes expected(count * 32);
      Bytes got(count * 32 + 1, 0xee);
      crypto::blake3::kPortable.compress(inputs, expected.data());
      kernel.compress(inputs, got.data());
      CHECK(got.back() == 0xee);
      got.pop_back();
      CHECK(got == expected);
    }
    Bytes in_place = data;
    auto inputs = kinds[1];
    Bytes expected(count * 32);
    kernel.compress(inputs, expected.data());
    inputs.data = in_place.data();
    kernel.compress(inputs, in_place.data());
    in_place.resize(count * 32);
    CHECK(in_place == expected);
  }
}

TEST_CASE("BLAKE3 gives the same digest however the input is cut") {
  for (size_t size : {0u, 1u, 64u, 65u, 1023u, 1024u, 1025u, 2048u, 3072u, 8192u, 8193u, 9216u, 17000u,
                      65536u, 102400u, 131072u, 300000u}) {
    const std::string input = counting(size);
    const std::string whole = to_hex(crypto::blake3_digest(input));
    for (size_t step : {1u, 63u, 1000u, 1024u, 8193u, 20000u, 65536u}) {
      CAPTURE(size, step);
      CHECK(digest_in_steps(input, step) == whole);
    }
  }
  const std::string input = counting(5000);
  const std::string whole = to_hex(crypto::blake3_digest(input));
  for (size_t cut = 0; cut <= input.size(); ++cut) {
    Blake3 hash;
    hash.update(ByteView(input).sub(0, cut));
    hash.update(ByteView(input).sub(cut));
    REQUIRE(to_hex(hash.finish()) == whole);
  }
}

TEST_CASE("BLAKE3 gives the same digest in parts of random sizes") {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200; ++i) {
    const Bytes data = test::random_bytes(random, random() % 600000);
    Blake3 hash;
    for (ByteView rest = data; !rest.empty();) {
      const size_t most = size_t{1} << (random() % 19);
      const size_t n = std::min<size_t>(rest.size(), random() % 2 == 0 ? most : random() % most);
      hash.update(rest.sub(0, n));
      rest = rest.sub(n);
    }
    REQUIRE(hash.finish() == crypto::blake3_digest(data));
  }
}

TEST_CASE("BLAKE3 matches the network's piece hashes") {
  const auto vectors = test::load_vectors("signing.json");
  size_t seen = 0;
  for (const auto& item : vectors.at("piece_hashes")) {
    if (item.at("hash_algorithm") != 1) continue;
    CHECK(to_hex(crypto::blake3_digest(item.at("hash_of").get<std::string>())) ==
          item.at("hash_hex").get<std::string>());
    ++seen;
  }
  CHECK(seen > 0);
}
