#include "core/access/encryption_store.h"

#include "core/access/caveat.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::access;
using crypto::CipherSuite;
using crypto::Key;
using test::load_vectors;
using test::unhex;

namespace {

EncryptionStore store_with(const nlohmann::json& default_key_hex, int cipher) {
  EncryptionStore store;
  store.default_key = Key::from(unhex(default_key_hex));
  store.default_path_cipher = static_cast<CipherSuite>(cipher);
  return store;
}

StoreEntry entry(std::string bucket, std::string plain, std::string encrypted) {
  return {std::move(bucket), std::move(plain), std::move(encrypted), Key::random(), CipherSuite::kNull};
}

std::string hex(const Result<std::string>& result) {
  return result ? to_hex(*result) : result.error().what;
}
std::string hex(const Result<Key>& result) {
  return result ? to_hex(result->view()) : result.error().what;
}

}  // namespace

TEST_CASE("paths, prefixes and keys under a default key equal the network's for every cipher") {
  const auto vectors = load_vectors("paths.json");
  int cases = 0;
  for (const auto& v : vectors.at("cases")) {
    auto store = store_with(vectors.at("default_key_hex"), v.at("cipher").get<int>());
    auto bucket = v.at("bucket").get<std::string>();
    std::string path = unhex(v.at("path_hex"));
    INFO(bucket << " " << path << " " << v.at("cipher"));
    CHECK(hex(store.encrypt_path(bucket, path)) == v.at("encrypted_path_hex").get<std::string>());
    CHECK(hex(store.encrypt_prefix(bucket, path)) == v.at("encrypted_prefix_hex").get<std::string>());
    CHECK(hex(store.path_key(bucket, path)) == v.at("path_key_hex").get<std::string>());
    CHECK(hex(store.content_key(bucket, path)) == v.at("content_key_hex").get<std::string>());
    CHECK(hex(store.decrypt_path(bucket, unhex(v.at("encrypted_path_hex")))) ==
          v.at("path_hex").get<std::string>());
    CHECK(hex(store.decrypt_path(bucket, unhex(v.at("encrypted_prefix_hex")))) ==
          v.at("path_hex").get<std::string>());
    CHECK(static_cast<int>(*store.path_cipher(bucket, path)) == v.at("cipher").get<int>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("what a listing needs equals the network's for every prefix") {
  const auto vectors = load_vectors("paths.json");
  int cases = 0;
  for (const auto& v : vectors.at("prefix_info")) {
    auto store = store_with(vectors.at("default_key_hex"), v.at("cipher").get<int>());
    auto prefix = v.at("prefix").get<std::string>();
    INFO(prefix);
    auto info = store.prefix_info(v.at("bucket").get<std::string>(), prefix);
    REQUIRE(info);
    CHECK(info->parent_plain == v.at("parent_unenc").get<std::string>());
    CHECK(to_hex(info->parent_encrypted) == v.at("parent_enc_hex").get<std::string>());
    CHECK(to_hex(info->parent_key.view()) == v.at("parent_key_hex").get<std::string>());
    CHECK(info->path_plain == v.at("path_unenc").get<std::string>());
    CHECK(to_hex(info->path_encrypted) == v.at("path_enc_hex").get<std::string>());
    CHECK(to_hex(info->path_key.view()) == v.at("path_key_hex").get<std::string>());
    CHECK(static_cast<int>(info->cipher) == v.at("cipher").get<int>());

    auto cursor = encrypt_relative(info->cipher, info->parent_key, v.at("cursor_plain").get<std::string>());
    CHECK(hex(cursor) == v.at("cursor_enc_hex").get<std::string>());
    CHECK(*decrypt_relative(info->cipher, info->parent_key, *cursor) ==
          v.at("cursor_plain").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("a store of one prefix reaches what lies below it and nothing else") {
  const auto vectors = load_vectors("paths.json");
  const auto& v = vectors.at("restricted_store");
  auto bucket = v.at("bucket").get<std::string>();
  EncryptionStore store;
  REQUIRE(
      store.add({bucket, v.at("unencrypted_path").get<std::string>(), unhex(v.at("encrypted_path_hex")),
                 *Key::from(unhex(v.at("key_hex"))), static_cast<CipherSuite>(v.at("cipher").get<int>())}));
  auto whole = store_with(vectors.at("default_key_hex"), v.at("cipher").get<int>());
  int cases = 0;
  for (const auto& lookup : v.at("lookups")) {
    auto path = lookup.at("path").get<std::string>();
    INFO(path);
    ++cases;
    auto encrypted = store.encrypt_path(bucket, path);
    if (lookup.contains("error")) {
      REQUIRE_FALSE(encrypted);
      CHECK(encrypted.error().code == Errc::kDenied);
      CHECK(encrypted.error().what == "no encryption key for sj://bucket/" + path + " in the access grant");
      CHECK(store.content_key(bucket, path).error().code == Errc::kDenied);
      CHECK(store.prefix_info(bucket, path).error().code == Errc::kDenied);
      CHECK(store.path_cipher(bucket, path).error().code == Errc::kDenied);
      continue;
    }
    CHECK(hex(encrypted) == lookup.at("encrypted_path_hex").get<std::string>());
    CHECK(hex(store.content_key(bucket, path)) == lookup.at("content_key_hex").get<std::string>());
    CHECK((*encrypted == *whole.encrypt_path(bucket, path)) == lookup.at("equals_unrestricted").get<bool>());
    CHECK(*store.decrypt_path(bucket, *encrypted) == path);
    auto info = store.prefix_info(bucket, path);
    if (lookup.contains("parent_enc_hex")) {
      REQUIRE(info);
      CHECK(to_hex(info->parent_encrypted) == lookup.at("parent_enc_hex").get<std::string>());
    } else {
      CHECK(info.error().code == Errc::kDenied);
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("the deepest entry wins, in whatever order entries were added") {
  for (bool deep_first : {false, true}) {
    StoreEntry shallow = entry("b", "a", "x");
    StoreEntry deep = entry("b", "a/b", "x/y");
    EncryptionStore store;
    REQUIRE(store.add(deep_first ? deep : shallow));
    REQUIRE(store.add(deep_first ? shallow : deep));
    CHECK(*store.path_key("b", "a/b") == deep.key);
    CHECK(*store.path_key("b", "a") == shallow.key);
    CHECK(*store.encrypt_path("b", "a/b/c") == "x/y/c");
    CHECK(*store.encrypt_path("b", "a/c/") == "x/c/");
    CHECK(*store.decrypt_path("b", "x/y") == "a/b");
    CHECK_FALSE(store.path_key("b", "ab"));
    CHECK_FALSE(store.path_key("c", "a"));
  }
}

TEST_CASE("the default key serves every path that no entry reaches") {
  EncryptionStore store = store_with(std::string(64, '5'), 1);
  StoreEntry a = entry("b", "a", "x");
  REQUIRE(store.add(a));
  CHECK(*store.encrypt_path("b", "a/1") == "x/1");
  CHECK(*store.encrypt_path("b", "c/1") == "c/1");
  CHECK_FALSE(*store.path_key("b", "c") == *store.path_key("d", "c"));
}

TEST_CASE("an entry of the whole bucket puts no slash in front of its paths") {
  EncryptionStore store;
  REQUIRE(store.add(entry("b", "", "")));
  CHECK(*store.encrypt_path("b", "a/b") == "a/b");
  CHECK(*store.encrypt_path("b", "/a") == "/a");
  CHECK(*store.decrypt_path("b", "/a") == "/a");
  CHECK(store.prefix_info("b", "/")->parent_plain == "");
  CHECK(store.prefix_info("b", "//")->parent_plain == "/");
  CHECK(store.prefix_info("b", "")->path_plain == "");
}

TEST_CASE("add refuses entries that contradict one another and replaces an equal one") {
  EncryptionStore store;
  REQUIRE(store.add(entry("b", "a/b", "x/y")));
  for (auto [plain, encrypted] :
       {std::pair("a/b/c", "x/y"), std::pair("a", ""), std::pair("a/c", "z/c"), std::pair("c/b", "x/y"),
        std::pair("a/b/c", "x/z/c"), std::pair("a/c", "x/y")}) {
    INFO(plain << " " << encrypted);
    auto added = store.add(entry("b", plain, encrypted));
    REQUIRE_FALSE(added);
    CHECK(added.error().code == Errc::kUsage);
  }
  CHECK(store.add(entry("other", "a/c", "z/c")));
  CHECK(store.add(entry("b", "a/c", "x/z")));
  CHECK(store.add(entry("b", "c", "z")));
  StoreEntry again = entry("b", "a/b", "x/y");
  CHECK(store.add(again));
  CHECK(store.entries().size() == 4);
  CHECK(*store.path_key("b", "a/b") == again.key);
}

TEST_CASE("limited_to empties the store when a caveat is malformed or there are absurdly many paths") {
  auto store = store_with(std::string(64, '5'), 1);
  auto key = Macaroon::create(std::string_view("head"), std::string_view("secret"));
  CHECK(store.limited_to(key).default_key);
  auto malformed = store.limited_to(key.with_caveat(std::string_view("\xff")));
  CHECK_FALSE(malformed.default_key);
  CHECK(malformed.entries().empty());

  Caveat caveat;
  for (int i = 0; i < 3; ++i)
    caveat.allowed_paths.push_back({"b", std::string("p").append(std::to_string(i))});
  auto limited = store.limited_to(key.with_caveat(caveat.serialize()));
  CHECK_FALSE(limited.default_key);
  CHECK(limited.default_path_cipher == CipherSuite::kNull);
  REQUIRE(limited.entries().size() == 3);
  CHECK(limited.entries()[2].key == *store.path_key("b", "p2"));
  for (int i = 0; i < 10'000; ++i) caveat.allowed_paths.push_back({"b", "p"});
  CHECK(store.limited_to(key.with_caveat(caveat.serialize())).entries().empty());
}

TEST_CASE("limited_to keeps only the paths that every caveat allows") {
  auto store = store_with(std::string(64, '5'), 1);
  Caveat first;
  first.allowed_paths = {{"b", "x"}, {"b", "y"}, {"c", ""}};
  Caveat second;
  second.allowed_paths = {{"b", "x/1"}, {"c", "z"}, {"d", ""}};
  auto limited = store.limited_to(Macaroon::create(std::string_view("head"), std::string_view("secret"))
                                      .with_caveat(first.serialize())
                                      .with_caveat(Caveat().serialize())
                                      .with_caveat(second.serialize()));
  REQUIRE(limited.entries().size() == 2);
  CHECK(limited.entries()[0].plain_path == "x/1");
  CHECK(limited.entries()[1].bucket == "c");
  CHECK(limited.entries()[1].plain_path == "z");
}
