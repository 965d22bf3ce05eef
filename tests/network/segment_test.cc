// Segments from limits to reading: the satellite's checks at each step.

#include "tests/network/test_network.h"
#include "tests/support/catch.h"

namespace sjcp::network {
namespace {

constexpr int64_t kSize = 3000;  // encrypted; 6 stripes of 512, pieces of 1536 bytes

struct Upload {
  Upload() {
    network.make_bucket("bucket");
    stream = network.begin("bucket", "k");
    segment = network.begin_segment(stream, kSize);
  }
  TestNetwork network;
  std::string stream;
  pb::BeginSegmentResponse segment;
};

}  // namespace

TEST_CASE("Sizes follow from the redundancy scheme") {
  const Redundancy full{29, 35, 65, 80, 256};
  CHECK(piece_size(full, 67254016) == 2319360);
  CHECK(piece_size(full, 7420) == 256);
  CHECK(piece_size(full, 7421) == 512);
  CHECK(download_nodes(full) == 35);
  CHECK(download_nodes({4, 6, 8, 10, 256}) == 5);
  CHECK(download_nodes({1, 1, 1, 1, 256}) == 1);
  CHECK(encrypted_size(4096, 128) == 4736);
  Redundancy parsed;
  CHECK(parse_redundancy("29/35/65/80", parsed));
  CHECK(parsed.optimal == 65);
  for (const char* bad : {"", "29/35/65", "0/1/2/3", "5/4/6/7", "1/2/3/256", "1/2/3/4x"}) {
    CHECK_FALSE(parse_redundancy(bad, parsed));
  }
}

TEST_CASE("Limits of one answer share serial and key, and are signed for their nodes") {
  Upload upload;
  REQUIRE(upload.segment.addressed_limits_size() == 5);
  std::set<std::string> nodes;
  for (const auto& addressed : upload.segment.addressed_limits()) {
    const pb::OrderLimit& limit = addressed.limit();
    CHECK(limit.serial_number() == upload.segment.addressed_limits(0).limit().serial_number());
    CHECK(limit.limit() == 1536);
    CHECK(upload.network.satellite_identity->verify(signing_bytes(limit), limit.satellite_signature()));
    nodes.insert(limit.storage_node_id());
  }
  CHECK(nodes.size() == 5);
  CHECK(upload.segment.private_key().size() == 64);
  const auto other = upload.network.begin_segment(upload.stream, kSize, 1);
  CHECK(other.addressed_limits(0).limit().serial_number() !=
        upload.segment.addressed_limits(0).limit().serial_number());
}

TEST_CASE("A segment is committed with enough pieces, sorted and of the right size") {
  Upload upload;
  TestNetwork& network = upload.network;
  pb::CommitSegmentRequest good = network.stored_segment(upload.segment, kSize);
  SECTION("all pieces") {
    int successful = 0;
    CHECK(text_of(network.commit_segment(good, &successful)) == "ok");
    CHECK(successful == 5);
    CHECK(text_of(network.commit(upload.stream)) == "ok");
    CHECK(network.pieces_held() == 5);
  }
  SECTION("fewer than the optimal number") {
    good.mutable_upload_result()->DeleteSubrange(3, 2);
    CHECK(text_of(network.commit_segment(good)) ==
          "3 the number of results of uploaded pieces (3) is below the optimal threshold (4)");
  }
  SECTION("not in order") {
    good.mutable_upload_result()->SwapElements(0, 1);
    CHECK(text_of(network.commit_segment(good)) == "3 metabase: invalid request: pieces should be ordered");
  }
  SECTION("size of the segment does not fit the pieces") {
    good.set_size_encrypted_data(kSize + 512);
    CHECK(text_of(network.commit_segment(good)) ==
          "3 piece sizes are invalid: pointer verification: expected size is different from provided (1792 "
          "!= 1536)");
  }
  SECTION("results with another node or hash do not count") {
    good.mutable_upload_result(0)->mutable_hash()->set_hash(std::string(32, 'x'));
    int successful = 0;
    CHECK(text_of(network.commit_segment(good, &successful)) == "ok");
    CHECK(successful == 4);
    good.mutable_upload_result(1)->set_node_id(good.upload_result(2).node_id());
    CHECK(text_of(network.commit_segment(good)) ==
          "3 Number of valid pieces (3) is less than the success threshold (4). Found 2 invalid pieces");
  }
  SECTION("segment id that is not the satellite's") {
    good.set_segment_id(good.segment_id() + "x");
    CHECK(text_of(network.commit_segment(good)) == "3 signature verification: signature is not valid");
  }
  SECTION("no key") {
    good.clear_encrypted_key();
    CHECK(text_of(network.commit_segment(good)) == "3 metabase: invalid request: EncryptedKey missing");
  }
  SECTION("larger than a segment may be") {
    good.set_plain_size(kSize + 1);
    CHECK(text_of(network.commit_segment(good)).starts_with("3 metainfo: plain segment size 3001"));
  }
}

TEST_CASE("Pieces that an object does not need are dropped, also those that end late") {
  Upload upload;
  TestNetwork& network = upload.network;
  const pb::CommitSegmentRequest good = network.stored_segment(upload.segment, kSize, 4);
  REQUIRE(text_of(network.commit_segment(good)) == "ok");
  REQUIRE(text_of(network.commit(upload.stream)) == "ok");
  CHECK(network.pieces_held() == 4);
  network.upload(upload.segment, 4, std::string(1536, 'e'));
  CHECK(network.pieces_held() == 4);
  network.state.metabase.delete_object("bucket", "k");
  CHECK(network.pieces_held() == 0);
}

TEST_CASE("An aborted upload leaves no pieces and takes no more segments") {
  Upload upload;
  TestNetwork& network = upload.network;
  const pb::CommitSegmentRequest good = network.stored_segment(upload.segment, kSize);
  CHECK(network.pieces_held() == 5);
  pb::BeginDeleteObjectRequest abort;
  abort.set_bucket("bucket");
  abort.set_encrypted_object_key("k");
  abort.set_status(1);
  pb::BeginDeleteObjectResponse reply;
  CHECK(text_of(network.call("BeginDeleteObject", abort, reply)) == "3 StreamID missing");
  abort.set_stream_id(upload.stream);
  CHECK(text_of(network.call("BeginDeleteObject", abort, reply)) == "ok");
  CHECK(network.pieces_held() == 0);
  CHECK(text_of(network.commit_segment(good)) == "5 pending object missing");
  CHECK(network.begin_segment(upload.stream, kSize).addressed_limits_size() == 0);
  CHECK(text_of(network.commit(upload.stream)).starts_with("5 object not found"));
}

TEST_CASE("Failed pieces move to unused nodes under a new segment id") {
  Upload upload;
  TestNetwork& network = upload.network;
  pb::RetryBeginSegmentPiecesRequest request;
  request.set_segment_id(upload.segment.segment_id());
  pb::RetryBeginSegmentPiecesResponse reply;
  CHECK(text_of(network.call("RetryBeginSegmentPieces", request, reply)) ==
        "3 piece numbers to exchange cannot be empty");
  request.add_retry_piece_numbers(9);
  CHECK(text_of(network.call("RetryBeginSegmentPieces", request, reply)) ==
        "3 piece number 9 must be within range [0,4]");
  request.set_retry_piece_numbers(0, 2);
  CHECK(text_of(network.call("RetryBeginSegmentPieces", request, reply)) == "ok");
  REQUIRE(reply.addressed_limits_size() == 5);
  for (int i = 0; i < 5; ++i) {
    const pb::OrderLimit& before = upload.segment.addressed_limits(i).limit();
    const pb::OrderLimit& after = reply.addressed_limits(i).limit();
    CHECK((before.storage_node_id() == after.storage_node_id()) == (i != 2));
    CHECK(before.serial_number() == after.serial_number());
    CHECK(network.satellite_identity->verify(signing_bytes(after), after.satellite_signature()));
  }
  // The new segment id knows the new node, the old one does not.
  pb::BeginSegmentResponse moved = upload.segment;
  *moved.mutable_addressed_limits() = reply.addressed_limits();
  moved.set_segment_id(reply.segment_id());
  int successful = 0;
  CHECK(text_of(network.commit_segment(network.stored_segment(moved, kSize), &successful)) == "ok");
  CHECK(successful == 5);
  request.set_segment_id(reply.segment_id());
  request.add_retry_piece_numbers(3);
  CHECK(text_of(network.call("RetryBeginSegmentPieces", request, reply)) ==
        "9 not enough nodes: not enough nodes: requested from cache 2, found 1");
}

TEST_CASE("Requests for segments need a position even when it is zero") {
  Upload upload;
  pb::BeginSegmentRequest begin;
  begin.set_stream_id(upload.stream);
  begin.set_max_order_limit(kSize);
  pb::BeginSegmentResponse reply;
  CHECK(text_of(upload.network.call("BeginSegment", begin, reply)).starts_with("3 "));
  begin.mutable_position()->set_index(-1);
  CHECK(text_of(upload.network.call("BeginSegment", begin, reply)) ==
        "3 segment index must be greater then 0");
  pb::DownloadSegmentRequest download;
  download.set_stream_id(upload.stream);
  pb::DownloadSegmentResponse segment;
  CHECK(text_of(upload.network.call("DownloadSegment", download, segment)).starts_with("3 "));
  pb::ListObjectsRequest list;
  list.set_bucket("bucket");
  list.set_use_object_includes(true);
  pb::ListObjectsResponse listed;
  CHECK(text_of(upload.network.call("ListObjects", list, listed)).starts_with("3 "));
}

TEST_CASE("A download offers enough nodes, more when asked, and limits for the range") {
  Upload upload;
  TestNetwork& network = upload.network;
  REQUIRE(text_of(network.commit_segment(network.stored_segment(upload.segment, kSize))) == "ok");
  REQUIRE(text_of(network.commit(upload.stream)) == "ok");
  pb::DownloadObjectRequest request;
  request.set_bucket("bucket");
  request.set_encrypted_object_key("k");
  const auto offered = [](const pb::DownloadSegmentResponse& segment) {
    int count = 0;
    for (const auto& limit : segment.addressed_limits()) count += limit.has_limit() ? 1 : 0;
    return count;
  };
  pb::DownloadObjectResponse reply;
  REQUIRE(text_of(network.call("DownloadObject", request, reply)) == "ok");
  REQUIRE(reply.segment_download_size() == 1);
  CHECK(reply.segment_download(0).addressed_limits_size() == 5);
  CHECK(offered(reply.segment_download(0)) == 3);
  request.set_desired_nodes(100);
  request.mutable_range()->mutable_start_limit()->set_plain_start(500);
  request.mutable_range()->mutable_start_limit()->set_plain_limit(600);
  REQUIRE(text_of(network.call("DownloadObject", request, reply)) == "ok");
  CHECK(offered(reply.segment_download(0)) == 5);
  // Blocks of 496 plain bytes: 500..600 needs block 1, which is stripe 1.
  for (const auto& limit : reply.segment_download(0).addressed_limits()) {
    if (limit.has_limit()) CHECK(limit.limit().limit() == 256);
  }
  request.mutable_range()->mutable_start_limit()->set_plain_limit(400);
  CHECK(text_of(network.call("DownloadObject", request, reply)) ==
        "3 metabase: invalid request: invalid range: 500:400");
  request.mutable_range()->mutable_start()->set_plain_start(5000);
  REQUIRE(text_of(network.call("DownloadObject", request, reply)) ==
          "3 metabase: invalid request: invalid range: 5000:2984");
}

TEST_CASE("Inline segments have a largest size") {
  TestNetwork network;
  network.make_bucket("bucket");
  const std::string stream = network.begin("bucket", "k");
  CHECK(text_of(network.make_inline(stream, std::string(4736, 'x'))) == "ok");
  CHECK(text_of(network.make_inline(stream, std::string(4737, 'x'))) ==
        "3 inline segment size cannot be larger than 4.0 KiB");
}

TEST_CASE("Expired limits are handed out on request and refused by nodes") {
  Upload upload;
  TestNetwork& network = upload.network;
  network.state.faults.set_expired_limits(1);
  const auto expired = network.begin_segment(upload.stream, kSize);
  CHECK(network.upload(expired, 0, std::string(1536, 'x')).hash().empty());
  const auto fresh = network.begin_segment(upload.stream, kSize);
  CHECK_FALSE(network.upload(fresh, 0, std::string(1536, 'x')).hash().empty());
}

}  // namespace sjcp::network
