#include "net/storj/object_requests.h"

#include "core/segment/object_metadata.h"
#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("A begun upload has a mark of its own, in metadata that the satellite takes") {
  const auto key = crypto::Key::random();
  pb::BeginObjectRequest first = storj::begin_object_request("bucket", "key", {});
  pb::BeginObjectRequest second = first;
  const std::string mark = storj::mark_begun(first, key);
  CHECK(mark.size() == 24);
  CHECK(first.encrypted_metadata_nonce() == mark);
  CHECK(storj::mark_begun(second, key) != mark);
  // All three or none.
  CHECK(first.encrypted_metadata_encrypted_key().size() == 48);
  CHECK(segment::open_metadata(first.encrypted_metadata(), first.encrypted_metadata_encrypted_key(), mark,
                               key));
}
