#include "core/access/caveat.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "core/access/access.pb.h"

namespace sjcp::access {
namespace {

using std::chrono::nanoseconds;

constexpr int64_t kNanosPerSecond = 1'000'000'000;

nanoseconds to_nanoseconds(const pb::CaveatTime& time) {
  constexpr int64_t kSecondsLimit =
      std::numeric_limits<int64_t>::max() / kNanosPerSecond - 3;  // room for any int32 nanos
  if (time.seconds() > kSecondsLimit) return nanoseconds::max();
  if (time.seconds() < -kSecondsLimit) return nanoseconds::min();
  return nanoseconds(time.seconds() * kNanosPerSecond + time.nanos());
}

// Timestamps count nanoseconds upwards from a floored second.
void write_timestamp(pb::CaveatTime& out, Timestamp time) {
  // In plain integers: the second below the earliest time is no time_point any more.
  int64_t count = time.time_since_epoch().count();
  int64_t nanos = (count % kNanosPerSecond + kNanosPerSecond) % kNanosPerSecond;
  out.set_seconds(count / kNanosPerSecond - (count % kNanosPerSecond < 0 ? 1 : 0));
  out.set_nanos(static_cast<int32_t>(nanos));
}

// Durations carry the sign in both fields.
void write_duration(pb::CaveatTime& out, nanoseconds duration) {
  out.set_seconds(duration.count() / kNanosPerSecond);
  out.set_nanos(static_cast<int32_t>(duration.count() % kNanosPerSecond));
}

std::string format_time(Timestamp time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  auto day = std::chrono::floor<std::chrono::days>(seconds);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(seconds - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", int{date.year()}, unsigned{date.month()},
                unsigned{date.day()}, static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text;
}

// What the operation is called in "the access grant does not allow ...".
const char* describe(Op op) {
  switch (op) {
    case Op::kRead:
      return "reading";
    case Op::kWrite:
      return "writing";
    case Op::kList:
      return "listing";
    case Op::kDelete:
      return "deleting";
    case Op::kProjectInfo:
      return "project information";
    case Op::kLock:
      return "object locks";
    case Op::kPutRetention:
      return "setting retention";
    case Op::kGetRetention:
      return "reading retention";
    case Op::kPutLegalHold:
      return "setting legal holds";
    case Op::kGetLegalHold:
      return "reading legal holds";
    case Op::kBypassGovernanceRetention:
      return "bypassing governance retention";
    case Op::kPutBucketObjectLockConfiguration:
      return "setting a bucket's object lock configuration";
    case Op::kGetBucketObjectLockConfiguration:
      return "reading a bucket's object lock configuration";
    case Op::kPutBucketNotificationConfiguration:
      return "setting a bucket's notifications";
    case Op::kGetBucketNotificationConfiguration:
      return "reading a bucket's notifications";
  }
  return "an unknown operation";
}

bool op_disallowed(const Caveat& caveat, Op op) {
  switch (op) {
    case Op::kRead:
      return caveat.disallow_reads;
    case Op::kWrite:
      return caveat.disallow_writes;
    case Op::kList:
      return caveat.disallow_lists;
    case Op::kDelete:
      return caveat.disallow_deletes;
    case Op::kProjectInfo:
      return false;
    case Op::kLock:
      return caveat.disallow_locks;
    case Op::kPutRetention:
      return caveat.disallow_put_retention;
    // Who may set retention may also read it.
    case Op::kGetRetention:
      return caveat.disallow_put_retention && caveat.disallow_get_retention;
    case Op::kPutLegalHold:
      return caveat.disallow_put_legal_hold;
    case Op::kGetLegalHold:
      return caveat.disallow_get_legal_hold;
    case Op::kBypassGovernanceRetention:
      return caveat.disallow_bypass_governance_retention;
    case Op::kPutBucketObjectLockConfiguration:
      return caveat.disallow_put_bucket_object_lock_configuration;
    case Op::kGetBucketObjectLockConfiguration:
      return caveat.disallow_get_bucket_object_lock_configuration;
    case Op::kPutBucketNotificationConfiguration:
      return caveat.disallow_put_bucket_notification_configuration;
    case Op::kGetBucketNotificationConfiguration:
      return caveat.disallow_get_bucket_notification_configuration;
  }
  return true;
}

bool path_allowed(const Caveat& caveat, const Action& action) {
  if (caveat.allowed_paths.empty() || action.op == Op::kProjectInfo) return true;
  bool bucket_itself = action.op == Op::kRead && action.encrypted_path.empty();
  // All buckets may always be asked for; the answer is filtered with allowed_buckets().
  if (bucket_itself && action.bucket.empty()) return true;
  return std::any_of(caveat.allowed_paths.begin(), caveat.allowed_paths.end(),
                     [&](const AllowedPath& allowed) {
                       return allowed.bucket == action.bucket &&
                              (bucket_itself || action.encrypted_path.starts_with(allowed.encrypted_prefix));
                     });
}

Status check_one(const Caveat& caveat, const Action& action) {
  auto denied = [](const std::string& what) { return make_error(Errc::kDenied, "the access grant " + what); };
  if (caveat.not_after && action.time > *caveat.not_after) {
    return denied("expired at " + format_time(*caveat.not_after));
  }
  if (caveat.not_before && action.time < *caveat.not_before) {
    return denied("is not valid before " + format_time(*caveat.not_before));
  }
  bool bucket_itself = action.op == Op::kRead && action.encrypted_path.empty();
  if (!bucket_itself && op_disallowed(caveat, action.op)) {
    return denied(std::string("does not allow ") + describe(action.op));
  }
  if (!path_allowed(caveat, action)) return denied("does not cover this bucket or path");
  return {};
}

Status check_all(const std::vector<Caveat>& caveats, const Action& action) {
  for (const Caveat& caveat : caveats) {
    if (auto status = check_one(caveat, action); !status) return status;
  }
  return {};
}

}  // namespace

Result<Caveat> Caveat::parse(ByteView bytes) {
  pb::Caveat message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return make_error(Errc::kUsage, "API key holds a malformed caveat");
  }
  Caveat caveat;
  caveat.disallow_reads = message.disallow_reads();
  caveat.disallow_writes = message.disallow_writes();
  caveat.disallow_lists = message.disallow_lists();
  caveat.disallow_deletes = message.disallow_deletes();
  caveat.disallow_locks = message.disallow_locks();
  caveat.disallow_put_retention = message.disallow_put_retention();
  caveat.disallow_get_retention = message.disallow_get_retention();
  caveat.disallow_put_legal_hold = message.disallow_put_legal_hold();
  caveat.disallow_get_legal_hold = message.disallow_get_legal_hold();
  caveat.disallow_bypass_governance_retention = message.disallow_bypass_governance_retention();
  caveat.disallow_put_bucket_object_lock_configuration =
      message.disallow_put_bucket_object_lock_configuration();
  caveat.disallow_get_bucket_object_lock_configuration =
      message.disallow_get_bucket_object_lock_configuration();
  caveat.disallow_put_bucket_notification_configuration =
      message.disallow_put_bucket_notification_configuration();
  caveat.disallow_get_bucket_notification_configuration =
      message.disallow_get_bucket_notification_configuration();
  for (const pb::CaveatPath& path : message.allowed_paths()) {
    caveat.allowed_paths.push_back({path.bucket(), path.encrypted_path_prefix()});
  }
  if (message.has_not_after()) caveat.not_after = Timestamp(to_nanoseconds(message.not_after()));
  if (message.has_not_before()) caveat.not_before = Timestamp(to_nanoseconds(message.not_before()));
  if (message.has_max_object_ttl()) caveat.max_object_ttl = to_nanoseconds(message.max_object_ttl());
  caveat.nonce = message.nonce();
  return caveat;
}

std::string Caveat::serialize() const {
  pb::Caveat message;
  message.set_disallow_reads(disallow_reads);
  message.set_disallow_writes(disallow_writes);
  message.set_disallow_lists(disallow_lists);
  message.set_disallow_deletes(disallow_deletes);
  message.set_disallow_locks(disallow_locks);
  message.set_disallow_put_retention(disallow_put_retention);
  message.set_disallow_get_retention(disallow_get_retention);
  message.set_disallow_put_legal_hold(disallow_put_legal_hold);
  message.set_disallow_get_legal_hold(disallow_get_legal_hold);
  message.set_disallow_bypass_governance_retention(disallow_bypass_governance_retention);
  message.set_disallow_put_bucket_object_lock_configuration(disallow_put_bucket_object_lock_configuration);
  message.set_disallow_get_bucket_object_lock_configuration(disallow_get_bucket_object_lock_configuration);
  message.set_disallow_put_bucket_notification_configuration(disallow_put_bucket_notification_configuration);
  message.set_disallow_get_bucket_notification_configuration(disallow_get_bucket_notification_configuration);
  for (const AllowedPath& path : allowed_paths) {
    pb::CaveatPath& added = *message.add_allowed_paths();
    added.set_bucket(path.bucket);
    added.set_encrypted_path_prefix(path.encrypted_prefix);
  }
  if (not_after) write_timestamp(*message.mutable_not_after(), *not_after);
  if (not_before) write_timestamp(*message.mutable_not_before(), *not_before);
  if (max_object_ttl) write_duration(*message.mutable_max_object_ttl(), *max_object_ttl);
  message.set_nonce(nonce);
  return message.SerializeAsString();
}

Result<std::vector<Caveat>> parse_caveats(const Macaroon& key) {
  std::vector<Caveat> caveats;
  for (const std::string& bytes : key.caveats()) {
    auto caveat = Caveat::parse(bytes);
    if (!caveat) return caveat.error();
    caveats.push_back(std::move(*caveat));
  }
  return caveats;
}

Status check(const Macaroon& key, const Action& action) {
  auto caveats = parse_caveats(key);
  if (!caveats) return caveats.error();
  return check_all(*caveats, action);
}

Result<std::optional<std::set<std::string>>> allowed_buckets(const Macaroon& key, const Action& action) {
  auto caveats = parse_caveats(key);
  if (!caveats) return caveats.error();
  if (auto status = check_all(*caveats, action); !status) return status.error();

  std::optional<std::set<std::string>> allowed;
  for (const Caveat& caveat : *caveats) {
    if (caveat.allowed_paths.empty()) continue;
    std::set<std::string> named;
    for (const AllowedPath& path : caveat.allowed_paths) named.insert(path.bucket);
    if (allowed) {
      std::erase_if(*allowed, [&](const std::string& bucket) { return !named.contains(bucket); });
    } else {
      allowed = std::move(named);
    }
  }
  return allowed;
}

Result<std::optional<std::chrono::nanoseconds>> max_object_ttl(const Macaroon& key) {
  auto caveats = parse_caveats(key);
  if (!caveats) return caveats.error();
  std::optional<nanoseconds> shortest;
  for (const Caveat& caveat : *caveats) {
    if (caveat.max_object_ttl && (!shortest || *caveat.max_object_ttl < *shortest))
      shortest = caveat.max_object_ttl;
  }
  return shortest;
}

}  // namespace sjcp::access
