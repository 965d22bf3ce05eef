#include "core/crypto/aead.h"

#include "core/crypto/hash.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::crypto;
using sjcp::test::load_vectors;
using sjcp::test::unhex;

namespace {

Key key_of(const nlohmann::json& hex) {
  return *Key::from(unhex(hex));
}

Nonce nonce_of(const nlohmann::json& hex) {
  std::string bytes = unhex(hex);
  bytes.resize(kNonceSize);
  return *nonce_from(bytes);
}

ByteSpan span_of(std::string& s) {
  return {reinterpret_cast<uint8_t*>(s.data()), s.size()};
}

// Bulk data of the vectors: SHA256(label ":0") SHA256(label ":1") ...
std::string pattern(const std::string& label, size_t size) {
  std::string out;
  for (int i = 0; out.size() < size; ++i) out += ByteView(sha256(label + ":" + std::to_string(i))).str();
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE("block b is sealed under the start nonce plus b, little-endian, wrapping at 12 bytes") {
  int cases = 0;
  const auto vectors = load_vectors("content.json");
  for (const auto& v : vectors.at("block_nonce")) {
    BlockCipher cipher(CipherSuite::kAesGcm, key_of(v.at("key_hex")), nonce_of(v.at("start_nonce12_hex")));
    std::string plain = unhex(v.at("plain_hex"));
    std::string sealed(plain.size() + cipher.overhead(), '\0');
    auto block = v.at("block_number").get<uint64_t>();
    cipher.seal_block(block, plain, span_of(sealed));
    CHECK(to_hex(sealed) == v.at("sealed_hex").get<std::string>());
    std::string opened(plain.size(), '\0');
    CHECK(cipher.open_block(block, sealed, span_of(opened)));
    CHECK(opened == plain);
    CHECK_FALSE(cipher.open_block(block + 1, sealed, span_of(opened)));
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("encrypted keys equal the network's under AESGCM and SECRETBOX, and open again") {
  int cases = 0;
  const auto vectors = load_vectors("content.json");
  for (const auto& v : vectors.at("encrypted_keys")) {
    auto suite = static_cast<CipherSuite>(v.at("cipher").get<int>());
    Key with = key_of(v.at("with_key_hex"));
    Nonce nonce = nonce_of(v.at("nonce24_hex"));
    auto sealed = seal(suite, with, nonce, unhex(v.at("key_to_encrypt_hex")));
    REQUIRE(sealed);
    CHECK(to_hex(*sealed) == v.at("encrypted_hex").get<std::string>());
    auto opened = open(suite, with, nonce, *sealed);
    REQUIRE(opened);
    CHECK(to_hex(*opened) == v.at("key_to_encrypt_hex").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("inline segments are one sealed box, empty for empty content") {
  int cases = 0;
  const auto vectors = load_vectors("content.json");
  for (const auto& v : vectors.at("inline")) {
    auto plain = pattern(v.at("plain_pattern").get<std::string>(), v.at("plain_size").get<size_t>());
    auto sealed =
        seal(CipherSuite::kAesGcm, key_of(v.at("content_key_hex")), nonce_of(v.at("nonce_hex")), plain);
    REQUIRE(sealed);
    CHECK(sealed->size() == v.at("encrypted_size").get<size_t>());
    CHECK(to_hex(sha256(*sealed)) == v.at("encrypted_sha256").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("a sealed box opens for no other key or nonce and with no bit changed") {
  Key key = Key::random();
  Nonce nonce = random_nonce();
  for (auto suite : {CipherSuite::kAesGcm, CipherSuite::kSecretBox}) {
    auto sealed = seal(suite, key, nonce, std::string_view("a few bytes"));
    REQUIRE(sealed);
    REQUIRE(open(suite, key, nonce, *sealed));
    CHECK(open(suite, Key::random(), nonce, *sealed).error().code == Errc::kIntegrity);
    CHECK(open(suite, key, random_nonce(), *sealed).error().code == Errc::kIntegrity);
    for (size_t i = 0; i < sealed->size(); ++i) {
      std::string changed = *sealed;
      changed[i] = static_cast<char>(changed[i] ^ 0x10);
      CHECK_FALSE(open(suite, key, nonce, changed));
      CHECK(open(suite, key, nonce, ByteView(*sealed).sub(0, i)).has_value() == (i == 0));
    }
  }
}

TEST_CASE("empty plaintext seals to nothing and back, under every suite") {
  for (auto suite : {CipherSuite::kNull, CipherSuite::kAesGcm, CipherSuite::kSecretBox}) {
    CHECK(*seal(suite, Key(), Nonce{}, {}) == "");
    CHECK(*open(suite, Key(), Nonce{}, {}) == "");
  }
}

TEST_CASE("a suite that is not known is refused, NULL leaves bytes as they are") {
  for (int suite : {0, 4, 5, -1}) {
    CHECK(seal(static_cast<CipherSuite>(suite), Key(), Nonce{}, std::string_view("x")).error().code ==
          Errc::kUnsupported);
    CHECK(open(static_cast<CipherSuite>(suite), Key(), Nonce{}, std::string_view("x")).error().code ==
          Errc::kUnsupported);
  }
  CHECK(*seal(CipherSuite::kNull, Key(), Nonce{}, std::string_view("x")) == "x");
}

TEST_CASE("BlockCipher works in place and alternates between sealing and opening") {
  for (auto suite : {CipherSuite::kNull, CipherSuite::kAesGcm, CipherSuite::kSecretBox}) {
    Key key = Key::random();
    Nonce start = random_nonce();
    BlockCipher cipher(suite, key, start);
    const std::string plain = pattern("block", 7408);
    for (uint64_t block : {0u, 1u, 300u, 7u}) {
      std::string buffer = plain + std::string(cipher.overhead(), '\0');
      cipher.seal_block(block, ByteView(buffer).sub(0, plain.size()), span_of(buffer));

      Nonce nonce = start;
      nonce_add(nonce, block, suite == CipherSuite::kAesGcm ? 12 : 24);
      CHECK(*seal(suite, key, nonce, plain) == buffer);

      REQUIRE(cipher.open_block(block, buffer, span_of(buffer).first(plain.size())));
      CHECK(buffer.substr(0, plain.size()) == plain);
    }
  }
}

TEST_CASE("BlockCipher refuses a block that is shorter than its tag or has a changed one") {
  BlockCipher cipher(CipherSuite::kAesGcm, Key::random(), Nonce{});
  std::string out(16, '\0');
  CHECK_FALSE(cipher.open_block(0, std::string(15, 'x'), {}));
  std::string sealed(32, '\0');
  cipher.seal_block(0, std::string(16, 'p'), span_of(sealed));
  sealed[31] = static_cast<char>(sealed[31] ^ 1);
  CHECK_FALSE(cipher.open_block(0, sealed, span_of(out)));
  sealed[31] = static_cast<char>(sealed[31] ^ 1);
  CHECK(cipher.open_block(0, sealed, span_of(out)));
}

TEST_CASE("nonce_add carries through the whole width and stays within it") {
  Nonce nonce;
  nonce.fill(0xff);
  nonce_add(nonce, 1, 12);
  CHECK(to_hex(nonce) == std::string(24, '0') + std::string(24, 'f'));
  nonce_add(nonce, uint64_t{1} << 40, 24);
  CHECK(to_hex(nonce).substr(0, 14) == "00000000000100");
  CHECK(nonce_from(std::string(12, 'x')) == std::nullopt);
  CHECK(nonce_from({}) == Nonce{});
}
