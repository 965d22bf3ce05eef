#include "core/crypto/base58.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::crypto;
using sjcp::test::load_vectors;
using sjcp::test::unhex;

TEST_CASE("base58check encodes and decodes the network's examples") {
  int cases = 0;
  const auto vectors = load_vectors("nodeid.json");
  for (const auto& v : vectors.at("base58check")) {
    auto text = v.at("encoded").get<std::string>();
    INFO(text);
    CHECK(base58check_encode(unhex(v.at("payload_hex")), v.at("version").get<uint8_t>()) == text);
    auto decoded = base58check_decode(text);
    REQUIRE(decoded);
    CHECK(decoded->version == v.at("version").get<uint8_t>());
    CHECK(to_hex(decoded->payload) == v.at("payload_hex").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("base58check returns any payload, of any length and with any run of zeros in front") {
  std::mt19937_64 random(58);
  for (size_t size = 0; size < 400; ++size) {
    std::string payload(size, '\0');
    for (size_t i = random() % (size + 1); i < size; ++i) payload[i] = static_cast<char>(random());
    auto version = static_cast<uint8_t>(size % 3 == 0 ? 0 : random());
    auto decoded = base58check_decode(base58check_encode(payload, version));
    REQUIRE(decoded);
    REQUIRE(decoded->version == version);
    REQUIRE(decoded->payload == payload);
  }
}

TEST_CASE("base58check refuses a text in which any one character was changed, added or lost") {
  const std::string good = base58check_encode(std::string_view("some payload of a length"), 0);
  REQUIRE(base58check_decode(good));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == 'z' ? 'y' : 'z';
    CHECK_FALSE(base58check_decode(changed));
    CHECK_FALSE(base58check_decode(good.substr(0, i)));
    CHECK_FALSE(base58check_decode(std::string(good).insert(i, 1, '1')));
  }
  CHECK_FALSE(base58check_decode(good + "1"));
}

TEST_CASE("base58check refuses characters outside the alphabet, short texts and absurdly long ones") {
  const std::string good = base58check_encode(std::string_view("some payload of a length"), 0);
  for (char c : std::string_view("0OIl +/-_\n\0\x80\xff", 14)) {
    std::string changed = good;
    changed[7] = c;
    CHECK_FALSE(base58check_decode(changed));
  }
  for (const char* text : {"", "1", "11111", "2", "z", "zzzzzz"}) CHECK_FALSE(base58check_decode(text));
  CHECK_FALSE(base58check_decode(std::string((1 << 20) + 1, '1')));
}
