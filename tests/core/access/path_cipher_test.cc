#include "core/access/path_cipher.h"

#include "core/access/encryption_store.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::access;
using crypto::CipherSuite;
using crypto::Key;

TEST_CASE("an encoded segment holds any bytes without 00, slash or ff, and decodes to them") {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (const std::string& blob :
       {all, std::string(), std::string(1, '\0'), std::string("./\xfe\xff"), all + all}) {
    std::string segment = encode_segment(blob);
    CHECK(segment.find_first_of(std::string("\0/\xff", 3)) == std::string::npos);
    CHECK(decode_segment(segment) == blob);
  }
  CHECK(encode_segment(std::string("\x2e\x2f\xfe\xff\x00\x01z", 7)) ==
        "\x02\x2e\x01\x2e\x02\xfe\x01\xfe\x02\x01\x01\x01\x02z");
}

TEST_CASE("a segment that no encoder wrote is refused") {
  for (std::string_view segment : {std::string_view(""), std::string_view("\x02"),
                                   std::string_view("\x03"
                                                    "a"),
                                   std::string_view("\x01"
                                                    "a"),
                                   std::string_view("\x02"
                                                    "a/b"),
                                   std::string_view("\x02"
                                                    "a\xff"),
                                   std::string_view("\x02\0", 2),
                                   std::string_view("\x02"
                                                    "a\x2e"),
                                   std::string_view("\x02"
                                                    "a\xfe"),
                                   std::string_view("\x02"
                                                    "a\x01"),
                                   std::string_view("\x02\x2e\x03"), std::string_view("\x02\xfe\0z", 4),
                                   std::string_view("\x02\x01\xff")}) {
    INFO(to_hex(segment));
    CHECK_FALSE(decode_segment(segment));
  }
}

TEST_CASE("components keep every empty part of a path but not of the empty path") {
  auto parts = [](std::string_view path) {
    std::vector<std::string> out;
    for (Components rest = components_of(path); rest;) out.emplace_back(take_component(rest));
    return out;
  };
  using Parts = std::vector<std::string>;
  CHECK(parts("") == Parts{});
  CHECK(parts("a") == Parts{"a"});
  CHECK(parts("a/") == Parts{"a", ""});
  CHECK(parts("/") == Parts{"", ""});
  CHECK(parts("a//b") == Parts{"a", "", "b"});
}

TEST_CASE("without keys an encrypted path is spelled in base64url, both ways") {
  const auto vectors = test::load_vectors("paths.json");
  int cases = 0;
  for (const auto& v : vectors.at("bypass_base64url")) {
    auto text = v.at("base64url_path").get<std::string>();
    auto encrypted = encrypt_relative(CipherSuite::kNullBase64Url, Key(), text);
    REQUIRE(encrypted);
    CHECK(to_hex(*encrypted) == v.at("encrypted_path_hex").get<std::string>());
    CHECK(*decrypt_relative(CipherSuite::kNullBase64Url, Key(), *encrypted) == text);
    ++cases;
  }
  CHECK(cases > 0);
  for (const char* text : {"A", "AA", "AAA", "A===", "AA=A", "AA+=", "====", "AAAA="}) {
    INFO(text);
    auto encrypted = encrypt_relative(CipherSuite::kNullBase64Url, Key(), text);
    REQUIRE_FALSE(encrypted);
    CHECK(encrypted.error().code == Errc::kUsage);
  }
}

TEST_CASE("an encrypted component with any bit changed does not decrypt") {
  Key key = Key::random();
  for (auto suite : {CipherSuite::kAesGcm, CipherSuite::kSecretBox}) {
    auto encrypted = encrypt_relative(suite, key, "name");
    REQUIRE(encrypted);
    for (size_t i = 0; i < encrypted->size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string changed = *encrypted;
        changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
        auto decrypted = decrypt_relative(suite, key, changed);
        REQUIRE_FALSE(decrypted);
        REQUIRE(decrypted.error().code == Errc::kIntegrity);
      }
    }
    CHECK_FALSE(decrypt_relative(suite, Key::random(), *encrypted));
    CHECK_FALSE(decrypt_relative(suite, key, "\x02short"));
    CHECK(*decrypt_relative(suite, key, *encrypted + "/") == "name/");
  }
}

TEST_CASE("an unknown path cipher is unsupported in both directions") {
  for (int suite : {0, 5, -1}) {
    CHECK(encrypt_relative(static_cast<CipherSuite>(suite), Key(), "a").error().code == Errc::kUnsupported);
    CHECK(decrypt_relative(static_cast<CipherSuite>(suite), Key(), "\x02" + std::string(40, 'a'))
              .error()
              .code == Errc::kUnsupported);
  }
}
