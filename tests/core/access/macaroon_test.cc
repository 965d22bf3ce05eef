#include "core/access/macaroon.h"

#include "core/crypto/base58.h"
#include "tests/core/access/caveat_vectors.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::access;
using sjcp::test::load_vectors;
using sjcp::test::unhex;

namespace {

// Macaroons in hex, by their parts.
const std::string kTail = to_hex(std::string(32, 't'));
const std::string kHeader =
    "02"
    "0204"
    "68656164"
    "00";  // version, identifier "head", end
const std::string kEnd = "00";
const std::string kSignature = "0620" + kTail;

Result<Macaroon> parse_hex(const std::string& hex) {
  return Macaroon::parse(from_hex(hex).value());
}

}  // namespace

TEST_CASE("every step of a chain of caveats has the network's bytes, tail and API key") {
  const auto vectors = load_vectors("macaroon.json");
  int cases = 0;
  for (const auto& chain : vectors.at("chains")) {
    std::string secret = unhex(chain.at("secret_hex"));
    auto key = Macaroon::create(unhex(chain.at("head_hex")), secret);
    for (const auto& step : chain.at("steps")) {
      if (step.contains("caveat")) {
        std::string caveat = test::caveat(step.at("caveat")).serialize();
        CHECK(to_hex(caveat) == step.at("caveat").at("bytes_hex").get<std::string>());
        key = key.with_caveat(caveat);
      }
      CHECK(to_hex(key.tail()) == step.at("tail_hex").get<std::string>());
      CHECK(to_hex(key.serialize()) == step.at("raw_hex").get<std::string>());
      CHECK(key.api_key() == step.at("api_key").get<std::string>());
      CHECK(key.verify(secret));

      auto parsed = Macaroon::parse(unhex(step.at("raw_hex")));
      REQUIRE(parsed);
      CHECK(*parsed == key);
      auto from_text = Macaroon::parse_api_key(step.at("api_key").get<std::string>());
      REQUIRE(from_text);
      CHECK(*from_text == key);
      ++cases;
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("a key does not verify once its secret, head, tail or any caveat differs") {
  auto key = Macaroon::create(std::string_view("head"), std::string_view("secret"))
                 .with_caveat(std::string_view("one"))
                 .with_caveat(std::string_view("two"));
  REQUIRE(key.verify(std::string_view("secret")));
  CHECK_FALSE(key.verify(std::string_view("Secret")));

  const std::string raw = key.serialize();
  int still_parsed = 0;
  for (size_t i = 1; i < raw.size(); ++i) {
    std::string changed = raw;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    if (auto parsed = Macaroon::parse(changed)) {
      ++still_parsed;
      CHECK_FALSE(parsed->verify(std::string_view("secret")));
    }
  }
  CHECK(still_parsed >= 32);
}

TEST_CASE("a macaroon may carry locations, verification ids, empty caveats and trailing bytes") {
  auto with_location = parse_hex(
      "02"
      "0103aabbcc"
      "020468656164"
      "00" +
      kEnd + kSignature);
  REQUIRE(with_location);
  CHECK(with_location->head() == "head");

  const std::string caveats =
      "0101aa"
      "020161"
      "0402bbbb"
      "00"
      "0200"
      "00";
  auto with_caveats = parse_hex(kHeader + caveats + kEnd + kSignature + "ffff");
  REQUIRE(with_caveats);
  CHECK(with_caveats->caveats() == std::vector<std::string>{"a", ""});
  CHECK(to_hex(with_caveats->tail()) == kTail);
}

TEST_CASE("bytes that are not a macaroon are refused") {
  const std::string rest = kEnd + kSignature;
  const std::pair<const char*, std::string> malformed[] = {
      {"nothing", ""},
      {"a version alone", "02"},
      {"another version",
       "01020468656164"
       "00" +
           rest},
      {"no head",
       "02"
       "00" +
           rest},
      {"a location for a head",
       "02"
       "0101aa"
       "00" +
           rest},
      {"types that do not ascend",
       "02"
       "0201aa"
       "0201aa"
       "00" +
           rest},
      {"a verification id in the header",
       "02"
       "0201aa"
       "0401aa"
       "00" +
           rest},
      {"a caveat that is a location alone", kHeader +
                                                "0101aa"
                                                "00" +
                                                rest},
      {"a location that ends the caveats", kHeader +
                                               "0101aa"
                                               "00" +
                                               kSignature},
      {"a caveat without identifier", kHeader +
                                          "0401aa"
                                          "00" +
                                          rest},
      {"an unknown packet in a caveat", kHeader +
                                            "0201aa"
                                            "0301aa"
                                            "00" +
                                            rest},
      {"a length above 2^31", kHeader + "02ffffffff0f"},
      {"a number above 64 bits", kHeader + "02ffffffffffffffffff02"},
      {"a number above 64 bits with small low bits", kHeader +
                                                         "0280808080808080808002"
                                                         "00" +
                                                         rest},
      {"a length beyond the end", kHeader + "027faa"},
      {"a short tail", kHeader + kEnd + "061f" + kTail.substr(2)},
      {"a long tail", kHeader + kEnd + "0621" + kTail + "aa"},
      {"a tail of another type", kHeader + kEnd + "0220" + kTail},
  };
  for (const auto& [what, hex] : malformed) {
    INFO(what);
    auto parsed = parse_hex(hex);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::kUsage);
  }
  const std::string good = kHeader + rest;
  REQUIRE(parse_hex(good));
  for (size_t size = 0; size < good.size(); size += 2) CHECK_FALSE(parse_hex(good.substr(0, size)));
}

TEST_CASE("an API key is refused when its text is of another version or not base58check") {
  const std::string good = from_hex(kHeader + kEnd + kSignature).value();
  CHECK(Macaroon::parse_api_key(crypto::base58check_encode(good, 0)));
  CHECK_FALSE(Macaroon::parse_api_key(crypto::base58check_encode(good, 1)));
  CHECK_FALSE(Macaroon::parse_api_key("not an API key"));
}
