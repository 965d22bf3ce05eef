// The wire form of requests: what must be on it although it is empty, and what must not.

#include "net/storj/wire/metainfo.pb.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;

namespace {

std::string vector_wire(const std::string& name) {
  const auto vectors = test::load_vectors("messages.json");
  for (const auto& v : vectors["wire"]) {
    if (v["name"] == name) return v["wire_hex"];
  }
  return "missing vector";
}

template <class Message>
std::string hex_of(const Message& message) {
  return to_hex(message.SerializeAsString());
}

}  // namespace

TEST_CASE("positions and includes stay on the wire when they are empty") {
  pb::BeginSegmentRequest begin;
  begin.mutable_position()->set_index(0);
  CHECK(hex_of(begin) == "1200");
  pb::MakeInlineSegmentRequest make;
  make.mutable_position();
  CHECK(hex_of(make) == "1200");
  pb::DownloadSegmentRequest download;
  download.mutable_cursor_position()->set_part_number(0);
  CHECK(hex_of(download) == "1200");
  pb::ListObjectsRequest list;
  list.mutable_object_includes()->set_metadata(false);
  CHECK(hex_of(list) == "3200");
}

TEST_CASE("requests encode as the reference client's") {
  pb::DownloadObjectRequest download;
  download.set_bucket("b");
  download.set_encrypted_object_key("k");
  download.mutable_range()->mutable_start_limit()->set_plain_limit(10);
  CHECK(hex_of(download) == vector_wire("DownloadObjectRequest range [0,10)"));

  pb::ListObjectsRequest list;
  list.set_bucket("b");
  CHECK(vector_wire("ListObjectsRequest delimiter slash").find(hex_of(list)) == 0);
  list.set_delimiter("/");
  CHECK(hex_of(list).ends_with("62012f"));

  pb::BatchRequest batch;
  auto& get = *batch.add_requests()->mutable_object_get();
  get.set_bucket("b");
  get.set_encrypted_object_key("k");
  get.set_redundancy_scheme_per_segment(true);
  batch.mutable_header()->set_api_key("K");
  batch.mutable_header()->set_user_agent("ua");
  CHECK(hex_of(batch) == vector_wire("BatchRequest[GetObject]"));

  pb::CompressedBatchRequest compressed;
  compressed.add_supported(1);
  compressed.set_data(batch.SerializeAsString());
  CHECK(hex_of(compressed) == vector_wire("CompressedBatchRequest of the previous BatchRequest"));
}

TEST_CASE("an absent nonce stays off the wire") {
  pb::CommitObjectRequest commit;
  commit.set_encrypted_metadata_nonce("");
  CHECK(hex_of(commit).empty());
}
