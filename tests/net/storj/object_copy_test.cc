#include "net/storj/object_copy.h"

#include "core/crypto/aead.h"
#include "net/storj/object_requests.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::storj;
using crypto::CipherSuite;

namespace {

// An object of three segments, as the satellite describes it at its old place.
struct Original {
  crypto::Key from = crypto::Key::random();
  crypto::Key to = crypto::Key::random();
  crypto::Key metadata = crypto::Key::random();
  std::vector<crypto::Key> segments;
  pb::BeginCopyObjectResponse begun;

  explicit Original(CipherSuite suite) {
    begun.set_stream_id("stream");
    begun.mutable_encryption_parameters()->set_cipher_suite(static_cast<int32_t>(suite));
    const auto nonce = crypto::random_nonce();
    begun.set_encrypted_metadata_key_nonce(ByteView(nonce).str());
    begun.set_encrypted_metadata_key(*crypto::seal(suite, from, nonce, metadata.view()));
    for (int i = 0; i < 3; ++i) {
      segments.push_back(crypto::Key::random());
      auto& key = *begun.add_segment_keys();
      key.mutable_position()->set_part_number(1);
      key.mutable_position()->set_index(i);
      const auto own = crypto::random_nonce();
      key.set_encrypted_key_nonce(ByteView(own).str());
      key.set_encrypted_key(*crypto::seal(suite, from, own, segments.back().view()));
    }
  }

  std::string opened(CipherSuite suite, const std::string& nonce, const std::string& sealed) const {
    const auto plain = crypto::open(suite, to, *crypto::nonce_from(nonce), sealed);
    return plain ? *plain : "does not open";
  }
};

}  // namespace

TEST_CASE("A copy's keys open with the content key of its new place") {
  for (const auto suite : {CipherSuite::kAesGcm, CipherSuite::kSecretBox, CipherSuite::kNull}) {
    const Original original(suite);
    const auto finish = finish_copy_request(original.begun, original.from, original.to);
    REQUIRE(finish);
    CHECK(finish->stream_id() == "stream");
    CHECK_FALSE(finish->override_metadata());
    CHECK(finish->new_encrypted_metadata_key_nonce() == original.begun.encrypted_metadata_key_nonce());
    CHECK(original.opened(suite, finish->new_encrypted_metadata_key_nonce(),
                          finish->new_encrypted_metadata_key()) == original.metadata.view().str());
    REQUIRE(finish->new_segment_keys_size() == 3);
    for (int i = 0; i < 3; ++i) {
      const auto& key = finish->new_segment_keys(i);
      CHECK(key.position().part_number() == 1);
      CHECK(key.position().index() == i);
      CHECK(key.encrypted_key_nonce() != original.begun.segment_keys(i).encrypted_key_nonce());
      CHECK(original.opened(suite, key.encrypted_key_nonce(), key.encrypted_key()) ==
            original.segments[static_cast<size_t>(i)].view().str());
    }
  }
}

TEST_CASE("An object without metadata has none as a copy") {
  Original original(CipherSuite::kAesGcm);
  original.begun.clear_encrypted_metadata_key();
  original.begun.clear_encrypted_metadata_key_nonce();
  const auto finish = finish_copy_request(original.begun, original.from, original.to);
  REQUIRE(finish);
  CHECK(finish->new_encrypted_metadata_key().empty());
}

TEST_CASE("A key that does not open stops the copy") {
  Original original(CipherSuite::kAesGcm);
  SECTION("of a segment") {
    original.begun.mutable_segment_keys(1)->mutable_encrypted_key()->back() ^= 1;
    const auto finish = finish_copy_request(original.begun, original.from, original.to);
    REQUIRE_FALSE(finish);
    CHECK(finish.error().code == Errc::kIntegrity);
    CHECK(finish.error().what.starts_with("segment key"));
  }
  SECTION("of the metadata") {
    original.begun.mutable_encrypted_metadata_key()->back() ^= 1;
    const auto finish = finish_copy_request(original.begun, original.from, original.to);
    REQUIRE_FALSE(finish);
    CHECK(finish.error().what.starts_with("metadata key"));
  }
  SECTION("for a nonce of the wrong length") {
    original.begun.mutable_segment_keys(0)->set_encrypted_key_nonce("short");
    const auto finish = finish_copy_request(original.begun, original.from, original.to);
    REQUIRE_FALSE(finish);
    CHECK(finish.error().code == Errc::kProtocol);
  }
}
