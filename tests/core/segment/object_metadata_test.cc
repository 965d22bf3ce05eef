#include "core/segment/object_metadata.h"

#include "core/segment/metadata.pb.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using segment::ObjectMetadata;
using segment::open_metadata;
using segment::seal_metadata;

namespace {

crypto::Key key_of(const nlohmann::json& hex) {
  return *crypto::Key::from(test::unhex(hex));
}

ObjectMetadata metadata_of(const nlohmann::json& vector) {
  ObjectMetadata metadata;
  metadata.segments_size = vector["segments_size"];
  metadata.last_segment_size = vector["last_segment_size"];
  if (vector["user_defined"].is_object()) {
    for (const auto& [key, value] : vector["user_defined"].items()) metadata.user[key] = value;
  }
  return metadata;
}

ObjectMetadata sample() {
  ObjectMetadata metadata;
  metadata.user = {{"content-type", "text/plain"}, {"k", "v"}, {"", "empty key"}};
  metadata.segments_size = 64 << 20;
  metadata.last_segment_size = 5000;
  return metadata;
}

}  // namespace

TEST_CASE("seal_metadata gives the network's bytes, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["object_metadata"])) {
    const auto nonce = *crypto::nonce_from(test::unhex(vector["key_nonce_hex"]));
    const auto sealed = seal_metadata(metadata_of(vector), key_of(vector["content_key_hex"]),
                                      key_of(vector["metadata_key_hex"]), nonce);
    CHECK(to_hex(sealed.encrypted_metadata) == vector["stream_meta_hex"].get<std::string>());
    CHECK(to_hex(sealed.encrypted_key) == vector["encrypted_metadata_encrypted_key_hex"].get<std::string>());
    CHECK(to_hex(sealed.nonce) == vector["key_nonce_hex"].get<std::string>());
  }
}

TEST_CASE("open_metadata reads the network's bytes, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("content.json")["object_metadata"])) {
    const auto opened = open_metadata(
        test::unhex(vector["stream_meta_hex"]), test::unhex(vector["encrypted_metadata_encrypted_key_hex"]),
        test::unhex(vector["key_nonce_hex"]), key_of(vector["content_key_hex"]));
    REQUIRE(opened);
    const ObjectMetadata expected = metadata_of(vector);
    CHECK(opened->user == expected.user);
    CHECK(opened->segments_size == expected.segments_size);
    CHECK(opened->last_segment_size == expected.last_segment_size);
  }
}

TEST_CASE("metadata sealed with fresh keys opens again, and never twice to the same bytes") {
  const auto key = crypto::Key::random();
  const auto first = seal_metadata(sample(), key);
  const auto second = seal_metadata(sample(), key);
  CHECK(first.encrypted_metadata != second.encrypted_metadata);
  CHECK(first.encrypted_key.size() == 48);
  CHECK(first.nonce.size() == 24);
  const auto opened = open_metadata(first.encrypted_metadata, first.encrypted_key, first.nonce, key);
  REQUIRE(opened);
  CHECK(opened->user == sample().user);
}

TEST_CASE("seal_metadata leaves all fields empty when there is nothing to say") {
  const auto sealed = seal_metadata({}, crypto::Key::random());
  CHECK(sealed.encrypted_metadata.empty());
  CHECK(sealed.encrypted_key.empty());
  CHECK(sealed.nonce.empty());
}

TEST_CASE("open_metadata of nothing is empty metadata") {
  const auto opened = open_metadata({}, {}, {}, crypto::Key::random());
  REQUIRE(opened);
  CHECK(opened->user.empty());
  CHECK(opened->segments_size == 0);
}

TEST_CASE("open_metadata reports what the satellite filled in when no client wrote metadata") {
  pb::StreamMeta stream;
  stream.set_number_of_segments(3);
  stream.set_encryption_type(2);
  stream.set_encryption_block_size(7424);
  const auto opened = open_metadata(stream.SerializeAsString(), {}, {}, crypto::Key::random());
  REQUIRE(opened);
  CHECK(opened->number_of_segments == 3);
  CHECK(opened->encryption_type == 2);
  CHECK(opened->encryption_block_size == 7424);
}

TEST_CASE("open_metadata finds the key in the last segment's record when the object carries none") {
  const auto key = crypto::Key::random();
  const auto sealed = seal_metadata(sample(), key);
  pb::StreamMeta stream;
  REQUIRE(stream.ParseFromString(sealed.encrypted_metadata));
  stream.set_encryption_type(2);
  stream.mutable_last_segment_meta()->set_encrypted_key(sealed.encrypted_key);
  stream.mutable_last_segment_meta()->set_key_nonce(sealed.nonce);
  const auto opened = open_metadata(stream.SerializeAsString(), {}, {}, key);
  REQUIRE(opened);
  CHECK(opened->user == sample().user);
}

TEST_CASE("open_metadata shows the content type of old clients under its present name") {
  const auto key = crypto::Key::random();
  pb::SerializableMeta user;
  user.set_content_type("image/png");
  pb::StreamInfo info;
  info.set_metadata(user.SerializeAsString());
  pb::StreamMeta stream;
  stream.set_encryption_type(1);
  stream.set_encrypted_stream_info(info.SerializeAsString());
  const auto opened = open_metadata(stream.SerializeAsString(), {}, {}, key);
  REQUIRE(opened);
  CHECK(opened->user.at("content-type") == "image/png");
}

TEST_CASE("open_metadata fails with kIntegrity when the key or a byte is wrong") {
  const auto key = crypto::Key::random();
  auto sealed = seal_metadata(sample(), key);
  const auto other_key =
      open_metadata(sealed.encrypted_metadata, sealed.encrypted_key, sealed.nonce, crypto::Key::random());
  REQUIRE_FALSE(other_key);
  CHECK(other_key.error().code == Errc::kIntegrity);
  sealed.encrypted_metadata.back() ^= 1;
  const auto spoiled = open_metadata(sealed.encrypted_metadata, sealed.encrypted_key, sealed.nonce, key);
  REQUIRE_FALSE(spoiled);
  CHECK(spoiled.error().code == Errc::kIntegrity);
}

TEST_CASE("open_metadata fails with kProtocol when the record or the nonce is malformed") {
  const auto key = crypto::Key::random();
  const auto sealed = seal_metadata(sample(), key);
  const auto garbage = open_metadata(std::string("\xff\xff\xff"), sealed.encrypted_key, sealed.nonce, key);
  REQUIRE_FALSE(garbage);
  CHECK(garbage.error().code == Errc::kProtocol);
  const auto short_nonce =
      open_metadata(sealed.encrypted_metadata, sealed.encrypted_key, std::string("short"), key);
  REQUIRE_FALSE(short_nonce);
  CHECK(short_nonce.error().code == Errc::kProtocol);
}

TEST_CASE("a checksum is sealed beside the metadata, and known only where it is ours") {
  const auto key = crypto::Key::random();
  ObjectMetadata metadata = sample();
  metadata.crc64 = 0xfedcba9876543210;
  const auto sealed = seal_metadata(metadata, key);
  const auto open = [&](const segment::SealedChecksum& checksum) {
    const auto opened =
        open_metadata(sealed.encrypted_metadata, sealed.encrypted_key, sealed.nonce, key, checksum);
    REQUIRE(opened);
    CHECK(opened->user == metadata.user);
    return opened->crc64;
  };
  CHECK(open({segment::kChecksumCrc64Nvme, false, sealed.encrypted_checksum}) == metadata.crc64);
  CHECK_FALSE(open({}));
  CHECK_FALSE(open({segment::kChecksumCrc64Nvme, true, sealed.encrypted_checksum}));
  CHECK_FALSE(open({5, false, sealed.encrypted_checksum}));
  std::string spoiled = sealed.encrypted_checksum;
  spoiled[3] = static_cast<char>(spoiled[3] ^ 1);
  CHECK_FALSE(open({segment::kChecksumCrc64Nvme, false, spoiled}));
  CHECK(seal_metadata(sample(), key).encrypted_checksum.empty());
}
