#include "core/segment/layout.h"

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::segment;

namespace {

BlockLayout layout_of(const nlohmann::json& vector) {
  return {static_cast<crypto::CipherSuite>(vector["cipher"].get<int>()), vector["encrypted_block_size"]};
}

Redundancy scheme(uint32_t k, uint32_t n, uint32_t share_size = kShareSize) {
  return {k, k, n, n, share_size};
}

}  // namespace

TEST_CASE("padding has the network's size and count, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("padding.json")["padding"])) {
    const uint64_t size = padding_size(vector["data_len"], vector["block_size"]);
    REQUIRE(size == vector["padding_len"].get<uint64_t>());
    Bytes padding(size, 0xff);
    write_padding(padding);
    CHECK(to_hex(ByteView(padding).last(4)) == vector["padding_last4_hex"].get<std::string>());
    CHECK(std::count(padding.begin(), padding.end() - 4, 0) == static_cast<std::ptrdiff_t>(size - 4));
  }
}

TEST_CASE("encrypted_size is the network's, for every vector") {
  for (const auto& vector :
       nlohmann::json(test::load_vectors("padding.json")["encrypted_size_aesgcm_7424"])) {
    CHECK(encrypted_size(vector["plain_size"], {}) == vector["encrypted_size"].get<uint64_t>());
  }
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["segments"])) {
    CHECK(encrypted_size(vector["plain_size"], layout_of(vector)) ==
          vector["encrypted_size"].get<uint64_t>());
  }
}

TEST_CASE("piece_size is the network's, for every vector") {
  const auto vectors = test::load_vectors("rs.json");
  for (const auto& vector : vectors["piece_size_29_80_256"]) {
    CHECK(piece_size(vector["segment_size"], scheme(29, 80)) == vector["piece_size"].get<uint64_t>());
  }
  for (const auto& vector : vectors["segments"]) {
    CHECK(piece_size(vector["segment_size"], scheme(vector["k"], vector["n"], vector["share_size"])) ==
          vector["piece_size"].get<uint64_t>());
  }
}

TEST_CASE("data_stripes leaves out the stripe that holds only padding") {
  CHECK(data_stripes(67254016, scheme(29, 80)) == 9059);
  CHECK(piece_size(67254016, scheme(29, 80)) == 9060 * 256);
  CHECK(data_stripes(0, scheme(29, 80)) == 0);
  CHECK(data_stripes(1, scheme(29, 80)) == 1);
  CHECK(data_stripes(7424, scheme(4, 10)) == 8);
}

TEST_CASE("segment_nonce counts positions from one in little-endian, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["position_nonce"])) {
    const auto nonce = segment_nonce({vector["part"], vector["index"]});
    CHECK(to_hex(ByteView(nonce)) == vector["nonce_hex"].get<std::string>());
  }
}

TEST_CASE("Redundancy is valid only when its numbers are in order and in bounds") {
  CHECK(Redundancy{29, 35, 65, 80, 256}.valid());
  CHECK(Redundancy{1, 1, 1, 1, 1}.valid());
  CHECK(Redundancy{255, 255, 255, 255, 1 << 20}.valid());
  CHECK_FALSE(Redundancy{0, 1, 1, 1, 256}.valid());
  CHECK_FALSE(Redundancy{5, 5, 4, 10, 256}.valid());
  CHECK_FALSE(Redundancy{4, 5, 11, 10, 256}.valid());
  CHECK_FALSE(Redundancy{4, 5, 6, 256, 256}.valid());
  CHECK_FALSE(Redundancy{4, 5, 6, 10, 0}.valid());
  CHECK_FALSE(Redundancy{4, 5, 6, 10, (1 << 20) + 1}.valid());
}

TEST_CASE("plan_read asks for whole blocks when they are stripes at the same time") {
  const ReadPlan plan = plan_read({7408, 7409}, 67254016, scheme(29, 80), {});
  CHECK(plan.blocks == ByteRange{1, 2});
  CHECK(plan.stripes == ByteRange{1, 2});
  CHECK(plan.piece == ByteRange{256, 512});
}

TEST_CASE("plan_read covers a block by more stripes when a stripe is smaller") {
  const ReadPlan plan = plan_read({7400, 7410}, 5 * 7424, scheme(4, 10), {});
  CHECK(plan.blocks == ByteRange{0, 2});
  CHECK(plan.stripes == ByteRange{0, 15});  // 14,848 bytes of 1,024
  CHECK(plan.piece == ByteRange{0, 15 * 256});
}

TEST_CASE("plan_read covers many blocks by one stripe when a stripe is larger") {
  const ReadPlan plan = plan_read({5 * 7408, 5 * 7408 + 1}, 9059 * 7424, scheme(58, 80), {});
  CHECK(plan.blocks == ByteRange{5, 6});
  CHECK(plan.stripes == ByteRange{2, 3});
}

TEST_CASE("plan_read of the whole segment stops before the padding stripe") {
  const ReadPlan plan = plan_read({0, 64 << 20}, 67254016, scheme(29, 80), {});
  CHECK(plan.blocks == ByteRange{0, 9059});
  CHECK(plan.piece == ByteRange{0, 9059 * 256});
}

TEST_CASE("plan_read of an empty range asks for nothing") {
  CHECK(plan_read({10, 10}, 7424, scheme(29, 80), {}).piece == ByteRange{});
}

TEST_CASE("plan_read without a cipher stops at the stored size") {
  const BlockLayout layout{crypto::CipherSuite::kNull, 7424};
  const ReadPlan plan = plan_read({0, 100}, 104, scheme(2, 4, 8), layout);
  CHECK(plan.stripes == ByteRange{0, 7});
}
