// What one caveat of an API key forbids, and whether a key allows an action (protocol notes 2.3, 2.4).
//
// A satellite calls check() before it acts; a client calls it before it asks, because the satellite's answer
// does not tell an expired grant from a forbidden one.  Neither looks at the signature: Macaroon::verify
// does. Errors: kDenied with the reason, kUsage when a caveat does not parse.  Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/macaroon.h"
#include "core/base/result.h"

namespace sjcp::access {

using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

struct AllowedPath {
  std::string bucket;
  std::string encrypted_prefix;  // matched byte by byte; empty = the whole bucket
};

struct Caveat {
  bool disallow_reads = false;
  bool disallow_writes = false;
  bool disallow_lists = false;
  bool disallow_deletes = false;
  bool disallow_locks = false;
  bool disallow_put_retention = false;
  bool disallow_get_retention = false;
  bool disallow_put_legal_hold = false;
  bool disallow_get_legal_hold = false;
  bool disallow_bypass_governance_retention = false;
  bool disallow_put_bucket_object_lock_configuration = false;
  bool disallow_get_bucket_object_lock_configuration = false;
  bool disallow_put_bucket_notification_configuration = false;
  bool disallow_get_bucket_notification_configuration = false;
  std::vector<AllowedPath> allowed_paths;  // empty = everywhere
  // Dates beyond the nanosecond range of sys_time (years 1678 to 2262) read as its ends.
  std::optional<Timestamp> not_after;
  std::optional<Timestamp> not_before;
  std::optional<std::chrono::nanoseconds> max_object_ttl;
  std::string nonce;

  static Result<Caveat> parse(ByteView bytes);
  // Fields ascending, so that equal caveats have equal bytes.
  std::string serialize() const;
};

Result<std::vector<Caveat>> parse_caveats(const Macaroon& key);

// Values are the network's.
enum class Op : uint8_t {
  kRead = 1,
  kWrite = 2,
  kList = 3,
  kDelete = 4,
  kProjectInfo = 5,
  kLock = 6,
  kPutRetention = 7,
  kGetRetention = 8,
  kPutLegalHold = 9,
  kGetLegalHold = 10,
  kBypassGovernanceRetention = 11,
  kPutBucketObjectLockConfiguration = 12,
  kGetBucketObjectLockConfiguration = 13,
  kPutBucketNotificationConfiguration = 14,
  kGetBucketNotificationConfiguration = 15,
};

// The views must outlive the call that the action is passed to.
struct Action {
  Op op = Op::kRead;
  std::string_view bucket;          // empty for all buckets
  std::string_view encrypted_path;  // empty for the bucket itself
  Timestamp time;
};

// Ok when every caveat allows the action.  kProjectInfo is stopped by the dates alone, so it asks "is this
// key valid at that time?".  Reading a bucket itself (empty path) needs only that some allowed path lies in
// it.
Status check(const Macaroon& key, const Action& action);

// The buckets that a listing of buckets may show: nullopt when all, else the named ones.  Fails as check()
// does.
Result<std::optional<std::set<std::string>>> allowed_buckets(const Macaroon& key, const Action& action);

// The shortest lifetime that any caveat puts on new objects; nullopt when none does.
Result<std::optional<std::chrono::nanoseconds>> max_object_ttl(const Macaroon& key);

}  // namespace sjcp::access
