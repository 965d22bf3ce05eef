#include "tests/network/authorization.h"

#include "tests/network/test_network.h"
#include "tests/support/catch.h"

namespace sjcp::network {
namespace {

pb::Caveat caveat(const std::string& bucket = "", const std::string& prefix = "") {
  pb::Caveat out;
  if (!bucket.empty()) {
    out.add_allowed_paths()->set_bucket(bucket);
    out.mutable_allowed_paths(0)->set_encrypted_path_prefix(prefix);
  }
  return out;
}

std::string get(TestNetwork& network, const pb::RequestHeader& header, const std::string& key) {
  pb::DownloadObjectRequest request;
  *request.mutable_header() = header;
  request.set_bucket("bucket");
  request.set_encrypted_object_key(key);
  pb::DownloadObjectResponse reply;
  return text_of(network.call("DownloadObject", request, reply));
}

constexpr const char* kDenied = "7 Unauthorized API credentials";

}  // namespace

TEST_CASE("A key of this project passes, any other and garbage do not") {
  TestNetwork network;
  network.make_bucket("bucket");
  network.put("bucket", "k");
  CHECK(get(network, network.header, "k") == "ok");
  pb::RequestHeader garbage;
  garbage.set_api_key("garbage");
  CHECK(get(network, garbage, "k") == "3 Invalid API credentials");
  pb::RequestHeader stranger;
  stranger.set_api_key(access::Macaroon::create(std::string(32, 'x'), std::string(32, 'k')).serialize());
  CHECK(get(network, stranger, "k") == kDenied);
  pb::RequestHeader forged;
  forged.set_api_key(access::Macaroon::create(std::string(32, 'h'), std::string(32, 'x')).serialize());
  CHECK(get(network, forged, "k") == kDenied);
}

TEST_CASE("Denial comes before existence") {
  TestNetwork network;
  network.make_bucket("bucket");
  pb::Caveat no_reads;
  no_reads.set_disallow_reads(true);
  CHECK(get(network, network.restricted(no_reads), "missing") == kDenied);
  CHECK(get(network, network.header, "missing") ==
        "5 object not found: metabase: sql: no rows in result set");
}

TEST_CASE("Allowed paths match by bytes from the beginning") {
  const Clock::Wall now{};
  const pb::Caveat photos = caveat("bucket", "photos/2024");
  CHECK(caveat_allows(photos, {Action::kRead, "bucket", "photos/2024/a"}, now));
  CHECK(caveat_allows(photos, {Action::kRead, "bucket", "photos/2024x"}, now));
  CHECK_FALSE(caveat_allows(photos, {Action::kRead, "bucket", "photos/2023"}, now));
  CHECK_FALSE(caveat_allows(photos, {Action::kRead, "other", "photos/2024"}, now));
  CHECK_FALSE(caveat_allows(photos, {Action::kList, "bucket", "photos"}, now));
  CHECK(caveat_allows(photos, {Action::kProjectInfo, "", ""}, now));
}

TEST_CASE("Reading without a path asks only for the bucket, whatever the flags") {
  const Clock::Wall now{};
  pb::Caveat narrow = caveat("bucket", "x");
  narrow.set_disallow_reads(true);
  CHECK(caveat_allows(narrow, {Action::kRead, "bucket", ""}, now));
  CHECK(caveat_allows(narrow, {Action::kRead, "", ""}, now));
  CHECK_FALSE(caveat_allows(narrow, {Action::kRead, "other", ""}, now));
}

TEST_CASE("Every caveat must allow, and times bound the key") {
  TestNetwork network;
  network.make_bucket("bucket");
  network.put("bucket", "k");
  pb::Caveat until;
  until.mutable_not_after()->set_seconds(1'800'000'010);
  const pb::RequestHeader header = network.restricted(until);
  CHECK(get(network, header, "k") == "ok");
  network.clock.advance(std::chrono::seconds(11));
  CHECK(get(network, header, "k") == kDenied);
  pb::Caveat from;
  from.mutable_not_before()->set_seconds(1'800'000'020);
  CHECK(get(network, network.restricted(from), "k") == kDenied);
  network.clock.advance(std::chrono::seconds(9));
  CHECK(get(network, network.restricted(from), "k") == "ok");
}

TEST_CASE("Bucket lists show only what all allowed paths name") {
  TestNetwork network;
  for (const char* name : {"aaa", "bbb", "ccc"}) network.make_bucket(name);
  pb::ListBucketsRequest request;
  request.set_direction(1);
  pb::Caveat two = caveat("aaa");
  two.add_allowed_paths()->set_bucket("ccc");
  *request.mutable_header() = network.restricted(two);
  pb::ListBucketsResponse reply;
  CHECK(text_of(network.call("ListBuckets", request, reply)) == "ok");
  REQUIRE(reply.items_size() == 2);
  CHECK(reply.items(1).name() == "ccc");
  request.set_direction(0);
  CHECK(text_of(network.call("ListBuckets", request, reply)) == "0 satellitedb: unknown list direction");
}

TEST_CASE("The shortest time to live bounds new objects and is their default") {
  TestNetwork network;
  network.make_bucket("bucket");
  pb::Caveat hour;
  hour.mutable_max_object_ttl()->set_seconds(3600);
  pb::BeginObjectRequest request;
  *request.mutable_header() = network.restricted(hour);
  request.set_bucket("bucket");
  request.set_encrypted_object_key("k");
  request.mutable_expires_at()->set_seconds(1'800'000'000 + 3601);
  pb::BeginObjectResponse reply;
  CHECK(text_of(network.call("BeginObject", request, reply)) ==
        "3 invalid expiration time, cannot be longer than 1h0m0s");
  request.mutable_expires_at()->set_seconds(1'800'000'000 - 1);
  CHECK(text_of(network.call("BeginObject", request, reply)) ==
        "3 invalid expiration time, cannot be in the past");
  *request.mutable_expires_at() = unset_timestamp();
  CHECK(text_of(network.call("BeginObject", request, reply)) == "ok");
  CHECK(network.state.tokens.open_stream(reply.stream_id())->expires_at_ns() ==
        (1'800'000'000 + 3600) * int64_t{1'000'000'000});
}

TEST_CASE("A key revokes its descendants and nothing else") {
  TestNetwork network;
  network.make_bucket("bucket");
  network.put("bucket", "k");
  const pb::RequestHeader child = network.restricted(caveat("bucket"));
  pb::RevokeAPIKeyRequest request;
  request.set_api_key(child.api_key());
  pb::RevokeAPIKeyResponse reply;
  *request.mutable_header() = child;
  CHECK(text_of(network.call("RevokeAPIKey", request, reply)) == "7 Unauthorized attempt to revoke macaroon");
  *request.mutable_header() = network.header;
  CHECK(text_of(network.call("RevokeAPIKey", request, reply)) == "ok");
  CHECK(get(network, child, "k") == kDenied);
  CHECK(get(network, network.header, "k") == "ok");
}

}  // namespace sjcp::network
