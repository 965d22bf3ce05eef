#include "core/crypto/hash.h"

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::crypto;
using sjcp::test::load_vectors;
using sjcp::test::unhex;

TEST_CASE("Argon2id root keys equal the network's for every passphrase, salt, path and lane count") {
  int cases = 0;
  const auto vectors = load_vectors("keys.json");
  for (const auto& v : vectors.at("argon2id_root")) {
    auto key = root_key_from_passphrase(v.at("passphrase").get<std::string>(), unhex(v.at("salt_hex")),
                                        v.at("path").get<std::string>(), v.at("threads").get<uint32_t>());
    CHECK(to_hex(key.view()) == v.at("key_hex").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("derived keys equal the network's") {
  int cases = 0;
  const auto vectors = load_vectors("keys.json");
  for (const auto& v : vectors.at("derive_key")) {
    auto derived = derive_key(*Key::from(unhex(v.at("key_hex"))), v.at("message").get<std::string>());
    CHECK(to_hex(derived.view()) == v.at("derived_hex").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("derived piece ids equal the network's") {
  int cases = 0;
  const auto vectors = load_vectors("keys.json");
  for (const auto& v : vectors.at("piece_id_derive")) {
    auto number = v.at("piece_num").get<uint32_t>();
    std::string message = unhex(v.at("node_id_hex"));
    for (int shift = 24; shift >= 0; shift -= 8) message.push_back(static_cast<char>(number >> shift));
    auto derived = derive_key(*Key::from(unhex(v.at("root_piece_id_hex"))), message);
    CHECK(to_hex(derived.view()) == v.at("piece_id_hex").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("SHA-256 of 'abc' is the standard's, in one call and fed byte by byte") {
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(to_hex(sha256(std::string_view("abc"))) == expected);
  Sha256 digest;
  for (const char* c : {"a", "", "b", "c"}) digest.update(std::string_view(c));
  CHECK(to_hex(digest.finish()) == expected);
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("HMACs equal RFC 4231 case 2, and accept an empty key and message") {
  const std::string_view key = "Jefe";
  const std::string_view message = "what do ya want for nothing?";
  CHECK(to_hex(hmac_sha256(key, message)) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha512(key, message)) ==
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  CHECK(to_hex(hmac_sha256({}, {})) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("a key comes from 32 bytes and from nothing else") {
  CHECK(Key::from(std::string(32, 'k')));
  CHECK_FALSE(Key::from(std::string(31, 'k')));
  CHECK_FALSE(Key::from(std::string(33, 'k')));
  CHECK_FALSE(Key::from({}));
  CHECK_FALSE(Key::random() == Key::random());
}

TEST_CASE("constant_time_equal compares length and every byte") {
  CHECK(constant_time_equal({}, {}));
  CHECK(constant_time_equal(std::string_view("same"), std::string_view("same")));
  CHECK_FALSE(constant_time_equal(std::string_view("same"), std::string_view("sane")));
  CHECK_FALSE(constant_time_equal(std::string_view("same"), std::string_view("sam")));
  CHECK(random_string(40).size() == 40);
}
