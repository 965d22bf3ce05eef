#include "core/access/caveat.h"

#include <limits>

#include "core/access/access.pb.h"
#include "tests/core/access/caveat_vectors.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::access;
using namespace std::chrono_literals;

namespace {

const Timestamp kNow = test::timestamp("2024-05-06T07:08:09Z");

Macaroon key_with(const std::vector<Caveat>& caveats) {
  auto key = Macaroon::create(std::string_view("head"), std::string_view("secret"));
  for (const Caveat& caveat : caveats) key = key.with_caveat(caveat.serialize());
  return key;
}

bool allows(const std::vector<Caveat>& caveats, Op op, std::string_view bucket = "b",
            std::string_view path = "p") {
  auto status = check(key_with(caveats), {op, bucket, path, kNow});
  if (!status) CHECK(status.error().code == Errc::kDenied);
  return status.has_value();
}

Caveat paths(std::vector<AllowedPath> allowed) {
  Caveat caveat;
  caveat.allowed_paths = std::move(allowed);
  return caveat;
}

constexpr Op kAllOps[] = {Op::kRead,
                          Op::kWrite,
                          Op::kList,
                          Op::kDelete,
                          Op::kProjectInfo,
                          Op::kLock,
                          Op::kPutRetention,
                          Op::kGetRetention,
                          Op::kPutLegalHold,
                          Op::kGetLegalHold,
                          Op::kBypassGovernanceRetention,
                          Op::kPutBucketObjectLockConfiguration,
                          Op::kGetBucketObjectLockConfiguration,
                          Op::kPutBucketNotificationConfiguration,
                          Op::kGetBucketNotificationConfiguration};

}  // namespace

TEST_CASE("a caveat reads back every field that it writes") {
  const auto vectors = test::load_vectors("macaroon.json");
  int cases = 0;
  for (const auto& chain : vectors.at("chains")) {
    for (const auto& step : chain.at("steps")) {
      if (!step.contains("caveat")) continue;
      std::string bytes = test::unhex(step.at("caveat").at("bytes_hex"));
      auto parsed = Caveat::parse(bytes);
      REQUIRE(parsed);
      CHECK(parsed->serialize() == bytes);
      CHECK(parsed->not_after == test::caveat(step.at("caveat")).not_after);
      ++cases;
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("each flag denies its own operation and no other") {
  const std::pair<bool Caveat::*, Op> flags[] = {
      {&Caveat::disallow_reads, Op::kRead},
      {&Caveat::disallow_writes, Op::kWrite},
      {&Caveat::disallow_lists, Op::kList},
      {&Caveat::disallow_deletes, Op::kDelete},
      {&Caveat::disallow_locks, Op::kLock},
      {&Caveat::disallow_put_retention, Op::kPutRetention},
      {&Caveat::disallow_put_legal_hold, Op::kPutLegalHold},
      {&Caveat::disallow_get_legal_hold, Op::kGetLegalHold},
      {&Caveat::disallow_bypass_governance_retention, Op::kBypassGovernanceRetention},
      {&Caveat::disallow_put_bucket_object_lock_configuration, Op::kPutBucketObjectLockConfiguration},
      {&Caveat::disallow_get_bucket_object_lock_configuration, Op::kGetBucketObjectLockConfiguration},
      {&Caveat::disallow_put_bucket_notification_configuration, Op::kPutBucketNotificationConfiguration},
      {&Caveat::disallow_get_bucket_notification_configuration, Op::kGetBucketNotificationConfiguration},
  };
  for (auto [flag, denied] : flags) {
    Caveat caveat;
    caveat.*flag = true;
    for (Op op : kAllOps) {
      INFO(static_cast<int>(op));
      CHECK(allows({caveat}, op) == (op != denied));
      CHECK(allows({Caveat(), caveat, Caveat()}, op) == (op != denied));
    }
  }
}

TEST_CASE("reading retention is denied only when setting it is denied too") {
  Caveat caveat;
  caveat.disallow_get_retention = true;
  CHECK(allows({caveat}, Op::kGetRetention));
  caveat.disallow_put_retention = true;
  CHECK_FALSE(allows({caveat}, Op::kGetRetention));
}

TEST_CASE("an operation that the network does not know is denied") {
  CHECK_FALSE(allows({Caveat()}, static_cast<Op>(0)));
  CHECK_FALSE(allows({Caveat()}, static_cast<Op>(16)));
}

TEST_CASE("an allowed path is a byte prefix in its own bucket") {
  auto caveat = paths({{"b", "photos/2024"}, {"c", ""}});
  CHECK(allows({caveat}, Op::kRead, "b", "photos/2024"));
  CHECK(allows({caveat}, Op::kRead, "b", "photos/2024/x"));
  CHECK(allows({caveat}, Op::kRead, "b", "photos/2024x"));
  CHECK(allows({caveat}, Op::kWrite, "c", "anything"));
  CHECK_FALSE(allows({caveat}, Op::kRead, "b", "photos/202"));
  CHECK_FALSE(allows({caveat}, Op::kList, "b", ""));
  CHECK_FALSE(allows({caveat}, Op::kRead, "d", "photos/2024"));
  CHECK(allows({caveat}, Op::kProjectInfo, "d", ""));
}

TEST_CASE("every caveat with paths must allow the path") {
  auto wide = paths({{"b", ""}});
  auto narrow = paths({{"b", "x"}});
  CHECK(allows({wide, narrow}, Op::kRead, "b", "x/y"));
  CHECK_FALSE(allows({wide, narrow}, Op::kRead, "b", "y"));
  CHECK_FALSE(allows({narrow, paths({{"b", "y"}})}, Op::kRead, "b", "x"));
}

TEST_CASE("reading a bucket itself needs no read flag, only a path in that bucket") {
  Caveat caveat = paths({{"b", "deep"}});
  caveat.disallow_reads = true;
  CHECK(allows({caveat}, Op::kRead, "b", ""));
  CHECK(allows({caveat}, Op::kRead, "", ""));
  CHECK_FALSE(allows({caveat}, Op::kRead, "c", ""));
  CHECK_FALSE(allows({caveat}, Op::kRead, "b", "deep"));
}

TEST_CASE("dates bound a key to the nanosecond, both ends included") {
  Caveat caveat;
  caveat.not_before = kNow - 1s;
  caveat.not_after = kNow + 1s;
  auto key = key_with({caveat});
  auto at = [&](Timestamp time) { return check(key, {Op::kProjectInfo, {}, {}, time}); };
  CHECK(at(kNow - 1s));
  CHECK(at(kNow + 1s));
  auto late = at(kNow + 1s + 1ns);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kDenied);
  CHECK(late.error().what == "the access grant expired at 2024-05-06T07:08:10Z");
  auto early = at(kNow - 1s - 1ns);
  REQUIRE_FALSE(early);
  CHECK(early.error().what == "the access grant is not valid before 2024-05-06T07:08:08Z");
}

TEST_CASE("dates beyond the range of the clock read as its ends, before 1970 they stay exact") {
  pb::Caveat message;
  message.mutable_not_after()->set_seconds(std::numeric_limits<int64_t>::max());
  message.mutable_not_after()->set_nanos(std::numeric_limits<int32_t>::max());
  message.mutable_not_before()->set_seconds(std::numeric_limits<int64_t>::min());
  message.mutable_not_before()->set_nanos(std::numeric_limits<int32_t>::min());
  message.mutable_max_object_ttl()->set_seconds(9223372033);
  message.mutable_max_object_ttl()->set_nanos(std::numeric_limits<int32_t>::max());
  auto caveat = Caveat::parse(message.SerializeAsString());
  REQUIRE(caveat);
  CHECK(caveat->not_after == Timestamp::max());
  CHECK(caveat->not_before == Timestamp::min());
  CHECK(allows({*caveat}, Op::kRead));

  Caveat old;
  for (std::chrono::nanoseconds time : {-1ns, 0ns, 1ns, -1s + 0ns, -1s - 1ns}) {
    old.not_after = Timestamp(time);
    CHECK(Caveat::parse(old.serialize())->not_after == old.not_after);
  }
}

TEST_CASE("a malformed caveat makes every question about the key fail") {
  auto key = key_with({Caveat()}).with_caveat(std::string_view("\x52\x7f"));
  CHECK(check(key, {Op::kRead, "b", "p", kNow}).error().code == Errc::kUsage);
  CHECK(allowed_buckets(key, {Op::kRead, "", "", kNow}).error().code == Errc::kUsage);
  CHECK(max_object_ttl(key).error().code == Errc::kUsage);
}

TEST_CASE("allowed_buckets is the intersection over the caveats with paths") {
  Action list{Op::kRead, "", "", kNow};
  CHECK_FALSE(*allowed_buckets(key_with({Caveat()}), list));
  auto both = allowed_buckets(
      key_with({paths({{"a", ""}, {"b", "x"}}), Caveat(), paths({{"b", ""}, {"c", ""}})}), list);
  REQUIRE(both);
  CHECK(**both == std::set<std::string>{"b"});
  Caveat expired;
  expired.not_after = kNow - 1s;
  CHECK(allowed_buckets(key_with({expired}), list).error().code == Errc::kDenied);
}

TEST_CASE("the shortest lifetime of objects wins") {
  Caveat hour;
  hour.max_object_ttl = 1h;
  Caveat minute;
  minute.max_object_ttl = 1min;
  CHECK_FALSE(*max_object_ttl(key_with({Caveat()})));
  CHECK(*max_object_ttl(key_with({hour, minute, hour})) == std::optional<std::chrono::nanoseconds>(1min));
}
