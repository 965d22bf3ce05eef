#include "tests/network/metainfo.h"

#include "tests/network/bucket_names.h"
#include "tests/network/test_network.h"
#include "tests/network/wire_reader.h"
#include "tests/network/zstd_frame.h"
#include "tests/support/catch.h"

namespace sjcp::network {
namespace {

// Begin, inline segment, commit; ids left to the batch.
void add_triple(pb::BatchRequest& batch, const std::string& key) {
  pb::BeginObjectRequest& begin = *batch.add_requests()->mutable_object_begin();
  begin.set_bucket("bucket");
  begin.set_encrypted_object_key(key);
  begin.mutable_encryption_parameters()->set_cipher_suite(2);
  begin.mutable_encryption_parameters()->set_block_size(512);
  pb::MakeInlineSegmentRequest& segment = *batch.add_requests()->mutable_segment_make_inline();
  segment.mutable_position();
  segment.set_encrypted_key(std::string(48, 'k'));
  segment.set_encrypted_inline_data("data");
  segment.set_plain_size(4);
  batch.add_requests()->mutable_object_commit();
}

struct Batches {
  Batches() {
    network.make_bucket("bucket");
    *batch.mutable_header() = network.header;
  }
  Check run() {
    const CallResult result = network.metainfo.call("Batch", batch.SerializeAsString());
    if (!result.failed) reply.ParseFromString(result.reply);
    return result.failed;
  }
  bool exists(const std::string& key) { return network.state.metabase.object("bucket", key) != nullptr; }
  TestNetwork network;
  pb::BatchRequest batch;
  pb::BatchResponse reply;
};

}  // namespace

TEST_CASE("Items of a batch leave out ids that earlier items made") {
  Batches batches;
  add_triple(batches.batch, "one");
  add_triple(batches.batch, "two");
  REQUIRE(text_of(batches.run()) == "ok");
  CHECK(batches.reply.responses_size() == 6);
  CHECK(batches.reply.responses(5).object_commit().object().encrypted_object_key() == "two");
  CHECK(batches.exists("one"));
  CHECK(batches.exists("two"));
}

TEST_CASE("The first failing item fails the batch, and what came before stays") {
  Batches batches;
  add_triple(batches.batch, "one");
  batches.batch.add_requests()->mutable_object_get()->set_bucket("bucket");
  batches.batch.mutable_requests(3)->mutable_object_get()->set_encrypted_object_key("missing");
  add_triple(batches.batch, "two");
  CHECK(text_of(batches.run()) == "5 object not found: metabase: sql: no rows in result set");
  CHECK(batches.exists("one"));
  CHECK_FALSE(batches.exists("two"));
}

TEST_CASE("Only some methods go into batches") {
  Batches batches;
  batches.batch.add_requests()->mutable_object_begin_copy();
  CHECK(text_of(batches.run()) == "0 unsupported request type");
}

TEST_CASE("Compressed batches answer with zstd when the client knows it") {
  Batches batches;
  add_triple(batches.batch, "one");
  pb::CompressedBatchRequest request;
  request.set_data(batches.batch.SerializeAsString());
  const auto call = [&] {
    pb::CompressedBatchResponse reply;
    const CallResult result = batches.network.metainfo.call("CompressedBatch", request.SerializeAsString());
    REQUIRE(!result.failed);
    reply.ParseFromString(result.reply);
    return reply;
  };
  pb::CompressedBatchResponse plain = call();
  CHECK(plain.selected() == 0);
  CHECK(batches.reply.ParseFromString(plain.data()));
  request.add_supported(1);
  request.set_selected(1);
  request.set_data(zstd_pack(request.data()));
  pb::CompressedBatchResponse packed = call();
  CHECK(packed.selected() == 1);
  const auto unpacked = zstd_unpack(packed.data(), 1 << 20);
  REQUIRE(unpacked);
  REQUIRE(batches.reply.ParseFromString(*unpacked));
  CHECK(batches.reply.responses_size() == 3);
  CHECK_FALSE(zstd_unpack(packed.data(), 10));
  CHECK_FALSE(zstd_unpack(packed.data().substr(0, packed.data().size() - 1), 1 << 20));
  request.set_selected(5);
  CHECK(text_of(batches.network.metainfo.call("CompressedBatch", request.SerializeAsString()).failed) ==
        "0 unsupported compression");
}

TEST_CASE("Methods that are not there and methods that are not offered differ") {
  TestNetwork network;
  CHECK(text_of(network.metainfo.call("Nope", std::string_view()).failed) ==
        "0 protocol error: unknown rpc: \"/metainfo.Metainfo/Nope\"");
  CHECK(text_of(network.metainfo.call("SetObjectRetention", std::string_view()).failed) ==
        "12 Unimplemented");
}

TEST_CASE("Fields of a fixed size are refused when present with another one") {
  TestNetwork network;
  network.make_bucket("bucket");
  pb::BeginObjectRequest request;
  request.set_bucket("bucket");
  request.set_encrypted_object_key("k");
  request.set_encrypted_metadata_nonce(std::string(12, 'n'));
  pb::BeginObjectResponse reply;
  const std::string expected = "0 nonce: not enough bytes to make a nonce; have 12, need 24";
  CHECK(text_of(network.call("BeginObject", request, reply)) == expected);
  // Inside a batch as well, and when the field is there with nothing in it.
  pb::BatchRequest batch;
  *batch.mutable_header() = network.header;
  *batch.add_requests()->mutable_object_begin() = request;
  CHECK(text_of(network.metainfo.call("Batch", batch.SerializeAsString()).failed) == expected);
  request.clear_encrypted_metadata_nonce();
  *request.mutable_header() = network.header;
  const std::string empty_nonce = request.SerializeAsString() + std::string("\x4a\x00", 2);
  CHECK(text_of(network.metainfo.call("BeginObject", empty_nonce).failed) ==
        "0 nonce: not enough bytes to make a nonce; have 0, need 24");
  CHECK(
      text_of(network.metainfo.call("BeginObject", std::string_view("\x0a\x05x")).failed).starts_with("0 "));
}

TEST_CASE("Only ids that the satellite gave are taken back, each for what it is") {
  TestNetwork network;
  network.make_bucket("bucket");
  const std::string stream = network.begin("bucket", "k");
  const std::string expected = "3 signature verification: signature is not valid";
  for (const size_t at : {size_t{0}, size_t{31}, size_t{34}, stream.size() - 1}) {
    std::string forged = stream;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    CHECK(text_of(network.commit(forged)) == expected);
  }
  CHECK(text_of(network.commit(network.begin_segment(stream, 1000).segment_id())) == expected);
  CHECK(text_of(network.commit("")) == expected);
  CHECK(text_of(network.commit(stream)) == "ok");
}

TEST_CASE("The wire reader stops at malformed input") {
  const std::string good(
      "\x08\x96\x01\x12\x02hi\x1d"
      "abcd",
      12);
  WireReader reader(good);
  WireField field;
  REQUIRE(reader.next(field));
  CHECK(field.value == 150);
  REQUIRE(reader.next(field));
  CHECK(field.data.text() == "hi");
  REQUIRE(reader.next(field));
  CHECK(field.type == 5);
  CHECK_FALSE(reader.next(field));
  CHECK_FALSE(reader.failed());
  for (const std::string bad : {"\x08", "\x12\x05hi", "\x07", "\x0b"}) {
    WireReader broken(bad);
    while (broken.next(field)) {
    }
    CHECK(broken.failed());
  }
}

TEST_CASE("Bucket names follow the rules") {
  CHECK_FALSE(check_bucket_name("a-good.name.1"));
  const std::pair<const char*, const char*> wrong[] = {
      {"", "no bucket specified"},
      {"ab", "at least 3 and no more than 63"},
      {"Abc", "must start with a lowercase letter or number"},
      {"-abc", "must start with"},
      {"abc-", "must end with"},
      {"a_c", "must contain only"},
      {"a..b", "label cannot be empty"},
      {"abc.", "label cannot be empty"},
      {"1.2.3.4", "cannot be formatted as an IP address"},
  };
  for (const auto& [name, text] : wrong) {
    REQUIRE(check_bucket_name(name));
    CHECK(check_bucket_name(name)->find(text) != std::string::npos);
  }
}

TEST_CASE("Keys and metadata have largest sizes") {
  TestNetwork network;
  network.make_bucket("bucket");
  pb::BeginObjectRequest begin;
  begin.set_bucket("bucket");
  begin.set_encrypted_object_key(std::string(4001, 'k'));
  pb::BeginObjectResponse begun;
  CHECK(text_of(network.call("BeginObject", begin, begun)) ==
        "3 key length is too big, got 4001, maximum allowed is 4000");
  begin.clear_encrypted_object_key();
  CHECK(text_of(network.call("BeginObject", begin, begun)) ==
        "3 metabase: invalid request: ObjectKey missing");
  pb::CommitObjectRequest commit;
  commit.set_stream_id(network.begin("bucket", "k"));
  commit.set_encrypted_metadata(std::string(3072, 'm'));
  commit.set_encrypted_metadata_encrypted_key(std::string(48, 'k'));
  commit.set_encrypted_metadata_nonce(std::string(24, 'n'));
  pb::CommitObjectResponse committed;
  CHECK(text_of(network.call("CommitObject", commit, committed)) ==
        "3 Encrypted metadata is too large, got 3.0 KiB, maximum allowed is 2.0 KiB");
  commit.set_encrypted_metadata("m");
  commit.set_encrypted_metadata_encrypted_key(std::string(47, 'k'));
  CHECK(text_of(network.call("CommitObject", commit, committed)) ==
        "3 Encrypted metadata key size is invalid, got 47, expected 48");
  commit.set_encrypted_metadata_encrypted_key(std::string(48, 'k'));
  commit.add_if_none_match("etag");
  CHECK(text_of(network.call("CommitObject", commit, committed)) ==
        "12 not implemented: IfNoneMatch only supports a single value of '*'");
}

TEST_CASE("Copies and moves keep the pieces until the last object goes") {
  TestNetwork network;
  network.make_bucket("bucket");
  const std::string stream = network.begin("bucket", "k");
  const auto segment = network.begin_segment(stream, 3000);
  REQUIRE(text_of(network.commit_segment(network.stored_segment(segment, 3000))) == "ok");
  REQUIRE(text_of(network.commit(stream)) == "ok");

  pb::BeginCopyObjectRequest begin;
  begin.set_bucket("bucket");
  begin.set_encrypted_object_key("k");
  begin.set_new_bucket("bucket");
  begin.set_new_encrypted_object_key("copy");
  pb::BeginCopyObjectResponse begun;
  REQUIRE(text_of(network.call("BeginCopyObject", begin, begun)) == "ok");
  pb::FinishCopyObjectRequest finish;
  finish.set_stream_id(begun.stream_id());
  finish.set_new_bucket("bucket");
  finish.set_new_encrypted_object_key("copy");
  pb::FinishCopyObjectResponse finished;
  CHECK(text_of(network.call("FinishCopyObject", finish, finished)) ==
        "3 metabase: invalid request: wrong number of segments keys received (received 0, need 1)");
  *finish.add_new_segment_keys() = begun.segment_keys(0);
  finish.mutable_new_segment_keys(0)->set_encrypted_key("new key");
  REQUIRE(text_of(network.call("FinishCopyObject", finish, finished)) == "ok");
  network.state.metabase.delete_object("bucket", "k");
  CHECK(network.pieces_held() == 5);
  CHECK(network.state.metabase.object("bucket", "copy")->segments[0].key == "new key");

  pb::BeginMoveObjectRequest begin_move;
  begin_move.set_bucket("bucket");
  begin_move.set_encrypted_object_key("copy");
  begin_move.set_new_bucket("other");
  begin_move.set_new_encrypted_object_key("moved");
  pb::BeginMoveObjectResponse move;
  CHECK(text_of(network.call("BeginMoveObject", begin_move, move)) == "5 bucket not found: other");
  network.make_bucket("other");
  REQUIRE(text_of(network.call("BeginMoveObject", begin_move, move)) == "ok");
  pb::FinishMoveObjectRequest finish_move;
  finish_move.set_stream_id(move.stream_id());
  finish_move.set_new_bucket("other");
  finish_move.set_new_encrypted_object_key("moved");
  *finish_move.mutable_new_segment_keys() = move.segment_keys();
  pb::FinishMoveObjectResponse moved;
  REQUIRE(text_of(network.call("FinishMoveObject", finish_move, moved)) == "ok");
  CHECK(network.state.metabase.object("bucket", "copy") == nullptr);
  CHECK(network.pieces_held() == 5);
  network.state.metabase.delete_object("other", "moved");
  CHECK(network.pieces_held() == 0);
}

TEST_CASE("The satellite answers with injected failures as often as asked") {
  TestNetwork network;
  network.make_bucket("bucket");
  CallFault fault;
  fault.status = {8, "Too Many Requests"};
  fault.count = 2;
  network.state.faults.set("GetBucket", fault);
  pb::GetBucketRequest request;
  request.set_name("bucket");
  pb::GetBucketResponse reply;
  CHECK(text_of(network.call("GetBucket", request, reply)) == "8 Too Many Requests");
  pb::BatchRequest batch;
  *batch.mutable_header() = network.header;
  *batch.add_requests()->mutable_bucket_get() = request;
  CHECK(text_of(network.metainfo.call("Batch", batch.SerializeAsString()).failed) == "8 Too Many Requests");
  CHECK(text_of(network.call("GetBucket", request, reply)) == "ok");
  fault.count = 1;
  fault.drop_after = true;
  network.state.faults.set("CreateBucket", fault);
  pb::CreateBucketRequest create;
  *create.mutable_header() = network.header;
  create.set_name("created");
  CHECK(network.metainfo.call("CreateBucket", create.SerializeAsString()).drop);
  CHECK(network.state.metabase.bucket("created"));
  CHECK(network.metainfo.counts().at("GetBucket") == 3);
}

TEST_CASE("Deleting many objects reports each, and quietly only the failures") {
  TestNetwork network;
  network.make_bucket("bucket");
  for (const char* key : {"a", "b", "c"}) network.put("bucket", key);
  pb::DeleteObjectsRequest request;
  request.set_bucket("bucket");
  pb::DeleteObjectsResponse reply;
  CHECK(text_of(network.call("DeleteObjects", request, reply)) ==
        "10020 The list of objects must contain at least one item");
  for (const char* key : {"missing", "b", "a", "b"}) request.add_items()->set_encrypted_object_key(key);
  REQUIRE(text_of(network.call("DeleteObjects", request, reply)) == "ok");
  REQUIRE(reply.items_size() == 3);
  CHECK(reply.items(0).encrypted_object_key() == "a");
  CHECK(reply.items(0).status() == 3);
  CHECK(reply.items(2).status() == 2);
  request.set_quiet(true);
  request.add_items()->set_encrypted_object_key("c");
  REQUIRE(text_of(network.call("DeleteObjects", request, reply)) == "ok");
  CHECK(reply.items_size() == 3);
  CHECK(network.state.metabase.object("bucket", "c") == nullptr);
  for (int i = 0; i < 1000; ++i) request.add_items()->set_encrypted_object_key("x");
  CHECK(text_of(network.call("DeleteObjects", request, reply)) ==
        "10021 The list of objects contains too many items");
  request.clear_items();
  request.add_items()->set_encrypted_object_key("x");
  request.set_bucket("nowhere");
  CHECK(text_of(network.call("DeleteObjects", request, reply)) == "10019 The specified bucket was not found");
}

}  // namespace sjcp::network
