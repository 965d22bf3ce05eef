#include "net/storj/order_signing.h"

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using storj::signing_bytes;
using test::unhex;

namespace {

crypto::Ed25519Key vector_key(const nlohmann::json& vectors) {
  auto key = crypto::Ed25519Key::from_private(unhex(vectors["piece_private_key_hex"]));
  REQUIRE(key);
  return std::move(*key);
}

}  // namespace

TEST_CASE("signed bytes of order limits are the network's, whatever fields they carry") {
  auto vectors = test::load_vectors("signing.json");
  REQUIRE(!vectors["order_limits"].empty());
  for (const auto& v : vectors["order_limits"]) {
    pb::OrderLimit limit;
    REQUIRE(limit.ParseFromString(unhex(v["order_limit_wire_hex"])));
    CHECK(to_hex(signing_bytes(limit)) == v["signing_bytes_hex"].get<std::string>());
    CHECK(to_hex(limit.satellite_signature()) == v["satellite_signature_hex"].get<std::string>());
  }
}

TEST_CASE("orders are signed to the bit") {
  auto vectors = test::load_vectors("signing.json");
  auto key = vector_key(vectors);
  CHECK(to_hex(key.public_key()) == vectors["piece_public_key_hex"].get<std::string>());
  pb::OrderLimit limit;
  limit.set_serial_number(unhex(vectors["serial_hex"]));
  for (const auto& v : vectors["orders"]) {
    auto order = storj::make_order(limit, v["amount"].get<int64_t>(), key);
    CHECK(to_hex(order.SerializeAsString()) == v["order_wire_hex"].get<std::string>());
    CHECK(to_hex(signing_bytes(order)) == v["signing_bytes_hex"].get<std::string>());
    CHECK(crypto::ed25519_verify(key.public_key(), signing_bytes(order), order.uplink_signature()));
    auto other = storj::make_order(limit, v["amount"].get<int64_t>() + 1, key);
    CHECK_FALSE(crypto::ed25519_verify(key.public_key(), signing_bytes(other), order.uplink_signature()));
  }
}

TEST_CASE("piece hashes are signed to the bit, an unset time left out") {
  auto vectors = test::load_vectors("signing.json");
  auto key = vector_key(vectors);
  for (const auto& v : vectors["piece_hashes"]) {
    pb::PieceHash hash;
    REQUIRE(hash.ParseFromString(unhex(v["wire_hex"])));
    CHECK(to_hex(signing_bytes(hash)) == v["signing_bytes_hex"].get<std::string>());
    CHECK(to_hex(key.sign(signing_bytes(hash))) == v["uplink_signature_hex"].get<std::string>());
  }
}

TEST_CASE("unknown fields of an order limit are signed as received") {
  pb::OrderLimit limit;
  std::string wire = pb::OrderLimit().SerializeAsString() + std::string("\xfa\x01\x01x", 4);  // field 31
  REQUIRE(limit.ParseFromString(wire));
  auto bytes = signing_bytes(limit);
  CHECK(bytes.substr(bytes.size() - 4) == std::string("\xfa\x01\x01x", 4));
}
