#include "core/access/node_id.h"

#include "core/crypto/base58.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::access;
using sjcp::test::load_vectors;
using sjcp::test::unhex;

TEST_CASE("a node id is written and read back as the network does, byte 31 becoming the version") {
  const auto vectors = load_vectors("nodeid.json");
  int cases = 0;
  for (const auto& v : vectors.at("node_ids")) {
    auto text = v.at("string").get<std::string>();
    CHECK(NodeId::from_bytes(unhex(v.at("bytes_hex")))->text() == text);
    auto parsed = NodeId::parse(text);
    REQUIRE(parsed);
    CHECK(to_hex(parsed->view()) == v.at("parsed_back_hex").get<std::string>());
    ++cases;
  }
  for (const auto& v : vectors.at("known_satellites")) {
    CHECK(NodeId::from_bytes(unhex(v.at("bytes_hex")))->text() == v.at("string").get<std::string>());
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("a node id follows from the key of the CA certificate") {
  const auto vectors = load_vectors("nodeid.json");
  const auto& identity = vectors.at("identity");
  NodeId id = NodeId::from_ca_spki(unhex(identity.at("ca_spki_der_hex")), 0);
  CHECK(to_hex(id.view()) == identity.at("node_id_hex").get<std::string>());
  CHECK(id.text() == identity.at("node_id").get<std::string>());
  CHECK(NodeId::from_ca_spki(unhex(identity.at("ca_spki_der_hex")), 7).view()[31] == 7);
}

TEST_CASE("a node id is refused when its text is not base58check, not 32 bytes or of an unknown version") {
  const std::string bytes(32, '\x11');
  CHECK(NodeId::parse(crypto::base58check_encode(bytes, 0))->view()[31] == 0);
  for (const std::string& text :
       {std::string(), std::string("badid"), crypto::base58check_encode(bytes + "x", 0),
        crypto::base58check_encode(bytes.substr(1), 0), crypto::base58check_encode(bytes, 1)}) {
    INFO(text);
    auto parsed = NodeId::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::kUsage);
  }
  CHECK_FALSE(NodeId::from_bytes(std::string(31, 'x')));
}

TEST_CASE("node URLs are read and written as the network does") {
  const auto vectors = load_vectors("nodeid.json");
  int cases = 0;
  for (const auto& v : vectors.at("node_urls")) {
    auto input = v.at("input").get<std::string>();
    INFO(input);
    ++cases;
    auto url = NodeUrl::parse(input, false);
    if (v.contains("error")) {
      REQUIRE_FALSE(url);
      CHECK(url.error().code == Errc::kUsage);
      continue;
    }
    REQUIRE(url);
    CHECK(to_hex(url->id.view()) == v.at("id_hex").get<std::string>());
    CHECK(url->address == v.at("address").get<std::string>());
    CHECK(url->text() == v.at("string").get<std::string>());
    CHECK(url->debounce == v.at("debounce").get<int>());
    CHECK(url->features == v.at("features").get<uint64_t>());
    CHECK(url->noise_proto == v.at("noise_proto").get<int>());
    CHECK(to_hex(url->noise_public_key) == v.at("noise_pub_hex").get<std::string>());
  }
  CHECK(cases > 0);
}

TEST_CASE("a missing node id is filled in for the old satellites only") {
  auto known = NodeUrl::parse("europe-west-1.tardigrade.io:7777");
  REQUIRE(known);
  CHECK(known->id.text() == "12L9ZFwhzVpuEKMUNUqkaTLGzwY9G24tbiigLiXpmZWKwmcNDDs");
  CHECK(NodeUrl::parse("saltlake.tardigrade.io")->id.text() ==
        "1wFTAgs9DP5RSnCqKV1eLf6N9wtk4EAtmN5DpSxcs8EjT69tGE");

  auto unknown = NodeUrl::parse("us1.storj.io:7777");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::kUsage);
  CHECK(NodeUrl::parse("us1.storj.io:7777", false)->id.is_zero());
}

TEST_CASE("malformed node URLs are refused") {
  const std::string id = "12EayRS2V1kEsWESU9QMRseFhdxYxKicsiFmxrsLZHeLUtdps3S@";
  for (const std::string& text :
       {std::string(), std::string("storj://"), id + "host:port", id + "[::1:7777", id + "[::1]7777",
        id + ":7777", id + "ho st:1", id + "host:1\n", std::string("@host:1"), id + "host:1?noise_proto=x",
        id + "host:1?debounce=1x", id + "host:1?f=zz", id + "host:1?noise_pub=notakey",
        id + "host:1?debounce=99999999999999", "https://" + id + "h:1"}) {
    INFO(text);
    CHECK_FALSE(NodeUrl::parse(text, false));
  }
  CHECK(NodeUrl::parse(id + "host:1/?later=1&debounce=&flag&f=ff")->features == 255);
}
