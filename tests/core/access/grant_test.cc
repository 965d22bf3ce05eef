#include "core/access/grant.h"

#include <algorithm>
#include <set>

#include "core/access/access.pb.h"
#include "core/access/caveat.h"
#include "core/crypto/base58.h"
#include "tests/core/access/caveat_vectors.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::access;
using namespace std::chrono_literals;
using test::load_vectors;
using test::unhex;

namespace {

using EntrySet = std::set<std::string>;

EntrySet entries(const EncryptionStore& store) {
  EntrySet out;
  for (const StoreEntry& e : store.entries()) {
    out.insert(e.bucket + " " + to_hex(e.plain_path) + " " + to_hex(e.encrypted_path) + " " +
               to_hex(e.key.view()) + " " + std::to_string(static_cast<int>(e.path_cipher)));
  }
  return out;
}

EntrySet entries(const nlohmann::json& list) {
  EntrySet out;
  for (const auto& v : list) {
    out.insert(v.at("bucket").get<std::string>() + " " + v.at("unencrypted_path_hex").get<std::string>() +
               " " + v.at("encrypted_path_hex").get<std::string>() + " " +
               v.at("key_hex").get<std::string>() + " " + std::to_string(v.at("path_cipher").get<int>()));
  }
  return out;
}

// A path cipher of 0 in a grant means AESGCM to its reader.
int read_cipher(const nlohmann::json& grant) {
  int cipher = grant.at("default_path_cipher").get<int>();
  return cipher == 0 ? 2 : cipher;
}

void check_equal(const Grant& grant, const nlohmann::json& expected) {
  CHECK(grant.satellite_url == expected.at("satellite_addr").get<std::string>());
  CHECK(grant.api_key.api_key() == expected.at("api_key").get<std::string>());
  CHECK(to_hex(grant.api_key.serialize()) == expected.at("api_key_raw_hex").get<std::string>());
  CHECK(static_cast<int>(grant.store.default_path_cipher) == read_cipher(expected));
  CHECK(grant.store.default_key.has_value() == expected.contains("default_key_hex"));
  if (grant.store.default_key)
    CHECK(to_hex(grant.store.default_key->view()) == expected.at("default_key_hex").get<std::string>());
  CHECK(entries(grant.store) == entries(expected.at("store_entries")));
}

Permission permission(const Caveat& caveat) {
  Permission out;
  out.reads = !caveat.disallow_reads;
  out.writes = !caveat.disallow_writes;
  out.lists = !caveat.disallow_lists;
  out.deletes = !caveat.disallow_deletes;
  out.not_before = caveat.not_before;
  out.not_after = caveat.not_after;
  out.max_object_ttl = caveat.max_object_ttl;
  return out;
}

std::vector<SharePrefix> share_prefixes(const nlohmann::json& list) {
  std::vector<SharePrefix> out;
  for (const auto& v : list)
    out.push_back({v.at("bucket").get<std::string>(), v.at("prefix").get<std::string>()});
  return out;
}

// A grant with default key and AESGCM paths.
Grant whole_grant() {
  Grant grant;
  grant.satellite_url = "12EayRS2V1kEsWESU9QMRseFhdxYxKicsiFmxrsLZHeLUtdps3S@us1.storj.io:7777";
  grant.api_key = Macaroon::create(std::string_view("head"), std::string_view("secret"));
  grant.store.default_key = crypto::Key::random();
  return grant;
}

pb::Scope scope_of(const Grant& grant) {
  pb::Scope scope;
  REQUIRE(scope.ParseFromString(crypto::base58check_decode(grant.serialize())->payload));
  return scope;
}

Result<Grant> parse(const pb::Scope& scope) {
  return Grant::parse(crypto::base58check_encode(scope.SerializeAsString(), 0));
}

Permission read_only() {
  Permission permission;
  permission.reads = permission.lists = true;
  return permission;
}

}  // namespace

TEST_CASE("the network's grants parse, and serialize to the same text") {
  const auto vectors = load_vectors("grants.json");
  int cases = 0;
  for (const auto& v : vectors.at("cases")) {
    if (!v.contains("grant")) continue;
    INFO(v.at("name"));
    auto text = v.at("grant").at("serialized").get<std::string>();
    auto grant = Grant::parse(text);
    REQUIRE(grant);
    check_equal(*grant, v.at("grant"));
    CHECK(grant->api_key.verify(unhex(vectors.at("secret_hex"))));
    // What was left unspecified is written as what it was read as.
    if (v.at("grant").at("default_path_cipher") != 0) CHECK(grant->serialize() == text);
    auto again = Grant::parse(grant->serialize());
    REQUIRE(again);
    check_equal(*again, v.at("grant"));
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("restricted grants equal the network's to the bit when the nonce is given") {
  const auto vectors = load_vectors("grants.json");
  int cases = 0;
  for (const auto& v : vectors.at("cases")) {
    if (!v.contains("result")) continue;
    INFO(v.at("name"));
    auto from = Grant::parse(v.at("from").get<std::string>());
    REQUIRE(from);
    Caveat caveat = test::caveat(v.at("caveat"));
    CHECK(to_hex(caveat.serialize()) == v.at("caveat").at("bytes_hex").get<std::string>());

    auto restricted = from->restrict(permission(caveat), share_prefixes(v.at("prefixes")), caveat.nonce);
    REQUIRE(restricted);
    CHECK(to_hex(restricted->api_key.caveats().back()) == v.at("caveat").at("bytes_hex").get<std::string>());
    check_equal(*restricted, v.at("result"));
    CHECK(restricted->api_key.verify(unhex(vectors.at("secret_hex"))));
    // The network writes several entries in no order.
    if (restricted->store.entries().size() <= 1)
      CHECK(restricted->serialize() == v.at("result").at("serialized").get<std::string>());

    auto parsed = Grant::parse(v.at("result").at("serialized").get<std::string>());
    REQUIRE(parsed);
    CHECK(entries(parsed->store) == entries(v.at("parse_of_result_store_entries")));
    CHECK(entries(Grant::parse(restricted->serialize())->store) ==
          entries(v.at("parse_of_result_store_entries")));
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("grants at the edge of the format are read or refused as the network does") {
  const auto vectors = load_vectors("grants.json");
  int cases = 0;
  for (const auto& v : vectors.at("parse_edge_cases")) {
    INFO(v.at("name"));
    auto text = v.at("serialized").get<std::string>();
    auto grant = Grant::parse(text);
    ++cases;
    if (v.contains("ok")) {
      REQUIRE(grant);
      check_equal(*grant, v.at("ok"));
      CHECK(grant->serialize() == v.at("ok").at("serialized").get<std::string>());
      continue;
    }
    REQUIRE_FALSE(grant);
    CHECK(grant.error().code == Errc::kUsage);
    CHECK_THAT(grant.error().what, Catch::Matchers::StartsWith("access grant is malformed: "));
    if (!text.empty()) CHECK(grant.error().what.find(text.substr(0, 12)) == std::string::npos);
  }
  CHECK(cases > 0);
}

TEST_CASE("a grant with any character changed, lost or added is refused") {
  const std::string good = whole_grant().serialize();
  REQUIRE(Grant::parse(good));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == '7' ? '8' : '7';
    CHECK_FALSE(Grant::parse(changed));
    CHECK_FALSE(Grant::parse(good.substr(0, i)));
  }
  CHECK_FALSE(Grant::parse(good + "1"));
  CHECK_FALSE(Grant::parse(good + "\n"));
}

TEST_CASE("a grant with a wrong key length, contradicting entries or a strange address is refused") {
  auto scope = scope_of(whole_grant());
  REQUIRE(parse(scope));
  auto& entry = *scope.mutable_encryption_access()->add_store_entries();
  entry.set_bucket("b");
  entry.set_unencrypted_path("a");
  entry.set_encrypted_path("x");
  entry.set_path_cipher(1);
  CHECK_FALSE(parse(scope));
  entry.set_key(std::string(31, 'k'));
  CHECK_FALSE(parse(scope));
  entry.set_key(std::string(32, 'k'));
  REQUIRE(parse(scope));
  CHECK(parse(scope)->store.entries().size() == 1);

  entry.set_encrypted_path("x/y");
  CHECK_FALSE(parse(scope));
  entry.set_encrypted_path("x");
  auto& other = *scope.mutable_encryption_access()->add_store_entries();
  other = scope.encryption_access().store_entries(0);
  other.set_unencrypted_path("c");
  CHECK_FALSE(parse(scope));

  scope.mutable_encryption_access()->mutable_store_entries()->RemoveLast();
  REQUIRE(parse(scope));
  for (const char* address : {"host\n", "\x1b[2Jhost", "\xff"}) {
    scope.set_satellite_addr(address);
    CHECK_FALSE(parse(scope));
  }
  scope.set_satellite_addr("host:1");
  REQUIRE(parse(scope));
  scope.set_api_key("not a macaroon");
  CHECK_FALSE(parse(scope));
}

TEST_CASE("keys that the API key cannot reach are dropped when a grant is read") {
  Grant whole = whole_grant();
  auto restricted = whole.restrict(read_only(), {{"b", "shared/"}});
  REQUIRE(restricted);
  auto scope = scope_of(whole);
  scope.set_api_key(restricted->api_key.serialize());
  auto parsed = parse(scope);
  REQUIRE(parsed);
  CHECK_FALSE(parsed->store.default_key);
  CHECK(entries(parsed->store) == entries(restricted->store));
  CHECK(parsed->store.content_key("b", "private").error().code == Errc::kDenied);
  CHECK(*parsed->store.content_key("b", "shared/x") == *whole.store.content_key("b", "shared/x"));
}

TEST_CASE("one trailing slash of a shared prefix is ignored, a second one is not") {
  Grant whole = whole_grant();
  auto path_of = [&](const std::string& prefix) {
    auto restricted = whole.restrict(read_only(), {{"b", prefix}}, std::string_view("nonc"));
    REQUIRE(restricted);
    return restricted->store.entries().at(0).plain_path;
  };
  CHECK(path_of("a") == "a");
  CHECK(path_of("a/") == "a");
  CHECK(path_of("a//") == "a/");
  CHECK(path_of("/") == "");
  CHECK(path_of("") == "");
}

TEST_CASE("a restricted grant cannot be widened by restricting it again") {
  auto photos = whole_grant().restrict(read_only(), {{"b", "photos"}});
  REQUIRE(photos);
  CHECK(photos->restrict(read_only(), {{"b", "docs"}}).error().code == Errc::kDenied);
  Permission all = read_only();
  all.writes = all.deletes = true;
  auto again = photos->restrict(all, {{"b", "photos/2024"}});
  REQUIRE(again);
  std::string path = *again->store.encrypt_path("b", "photos/2024/x");
  Timestamp now = test::timestamp("2024-05-06T07:08:09Z");
  CHECK(check(again->api_key, {Op::kRead, "b", path, now}));
  CHECK_FALSE(check(again->api_key, {Op::kWrite, "b", path, now}));
  CHECK_FALSE(check(again->api_key, {Op::kRead, "b", *photos->store.encrypt_path("b", "photos/2023"), now}));
}

TEST_CASE("restrict refuses what permits nothing, ends before it begins or has no lifetime") {
  Grant whole = whole_grant();
  CHECK(whole.restrict(Permission(), {{"b", ""}}).error().code == Errc::kUsage);

  Permission reversed = read_only();
  reversed.not_before = test::timestamp("2024-05-06T07:08:09Z");
  reversed.not_after = *reversed.not_before - 1ns;
  CHECK(whole.restrict(reversed, {}).error().code == Errc::kUsage);
  reversed.not_after = reversed.not_before;
  CHECK(whole.restrict(reversed, {}));

  Permission no_lifetime = read_only();
  no_lifetime.max_object_ttl = 0ns;
  CHECK(whole.restrict(no_lifetime, {}).error().code == Errc::kUsage);
}

TEST_CASE("a random nonce makes two equal restrictions differ") {
  Grant whole = whole_grant();
  auto a = whole.restrict(read_only(), {{"b", ""}});
  auto b = whole.restrict(read_only(), {{"b", ""}});
  REQUIRE(a);
  REQUIRE(b);
  CHECK_FALSE(a->api_key == b->api_key);
  CHECK(Caveat::parse(a->api_key.caveats().back())->nonce.size() == 4);
}

TEST_CASE("a grant without keys can share a whole bucket but no path in it") {
  Grant keyless = whole_grant();
  keyless.store.default_key.reset();
  auto bucket = keyless.restrict(read_only(), {{"b", ""}});
  REQUIRE(bucket);
  CHECK(bucket->store.entries().empty());
  CHECK(keyless.restrict(read_only(), {{"b", "path"}}).error().code == Errc::kDenied);
}
