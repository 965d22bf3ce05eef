#include "tests/network/authorization.h"

#include <algorithm>

#include "core/crypto/hash.h"

namespace sjcp::network {
namespace {

Clock::Wall time_of(const pb::CaveatTime& time) {
  constexpr int64_t kLatest = 9'000'000'000;  // keeps nanoseconds within 64 bits
  return Clock::Wall(std::chrono::duration_cast<Clock::Wall::duration>(
      std::chrono::seconds(std::clamp<int64_t>(time.seconds(), -kLatest, kLatest)) +
      std::chrono::nanoseconds(time.nanos())));
}

bool action_disallowed(const pb::Caveat& caveat, Action action) {
  switch (action) {
    case Action::kRead:
      return caveat.disallow_reads();
    case Action::kWrite:
      return caveat.disallow_writes();
    case Action::kList:
      return caveat.disallow_lists();
    case Action::kDelete:
      return caveat.disallow_deletes();
    case Action::kProjectInfo:
      return false;
    case Action::kGetRetention:
      return caveat.disallow_put_retention() && caveat.disallow_get_retention();
    case Action::kGetLegalHold:
      return caveat.disallow_put_legal_hold() && caveat.disallow_get_legal_hold();
  }
  return true;
}

bool names_bucket(const pb::Caveat& caveat, const std::string& bucket) {
  return std::any_of(caveat.allowed_paths().begin(), caveat.allowed_paths().end(),
                     [&](const auto& path) { return path.bucket() == bucket; });
}

// Reads without a path are how clients look at buckets: only the bucket decides.
bool bucket_read_allowed(const pb::Caveat& caveat, const std::string& bucket) {
  return caveat.allowed_paths().empty() || bucket.empty() || names_bucket(caveat, bucket);
}

}  // namespace

bool caveat_allows(const pb::Caveat& caveat, const Access& access, Clock::Wall now) {
  if (caveat.has_not_after() && now > time_of(caveat.not_after())) return false;
  if (caveat.has_not_before() && time_of(caveat.not_before()) > now) return false;
  if (access.action == Action::kRead && access.path.empty())
    return bucket_read_allowed(caveat, access.bucket);
  if (action_disallowed(caveat, access.action)) return false;
  if (access.action == Action::kProjectInfo || caveat.allowed_paths().empty()) return true;
  return std::any_of(caveat.allowed_paths().begin(), caveat.allowed_paths().end(), [&](const auto& path) {
    return path.bucket() == access.bucket && access.path.starts_with(path.encrypted_path_prefix());
  });
}

RpcFailure unauthorized() {
  return failure(code::kPermissionDenied, "Unauthorized API credentials");
}

bool Credentials::allows(Action action, const std::string& bucket, const std::string& path) const {
  const Access access{action, bucket, path};
  return std::all_of(caveats_.begin(), caveats_.end(),
                     [&](const pb::Caveat& caveat) { return caveat_allows(caveat, access, now_); });
}

Check Credentials::require(Action action, const std::string& bucket, const std::string& path) const {
  if (allows(action, bucket, path)) return {};
  return unauthorized();
}

Check Credentials::require_any(std::initializer_list<Action> actions, const std::string& bucket,
                               const std::string& path) const {
  for (const Action action : actions) {
    if (allows(action, bucket, path)) return {};
  }
  return unauthorized();
}

bool Credentials::sees_bucket(const std::string& bucket) const {
  return std::all_of(caveats_.begin(), caveats_.end(), [&](const pb::Caveat& caveat) {
    return caveat.allowed_paths().empty() || names_bucket(caveat, bucket);
  });
}

std::optional<std::chrono::nanoseconds> Credentials::max_object_ttl() const {
  std::optional<std::chrono::nanoseconds> shortest;
  for (const pb::Caveat& caveat : caveats_) {
    if (!caveat.has_max_object_ttl()) continue;
    constexpr int64_t kLongest = 9'000'000'000;
    const auto ttl =
        std::chrono::seconds(std::clamp<int64_t>(caveat.max_object_ttl().seconds(), 0, kLongest)) +
        std::chrono::nanoseconds(caveat.max_object_ttl().nanos());
    if (!shortest || ttl < *shortest) shortest = ttl;
  }
  return shortest;
}

std::vector<std::string> KeyRing::tails(const access::Macaroon& key) const {
  const auto step = [](ByteView under, ByteView message) {
    const auto digest = crypto::hmac_sha256(under, message);
    return ByteView(digest.data(), digest.size()).str();
  };
  std::vector<std::string> out{step(secret_, key.head())};
  for (const std::string& caveat : key.caveats()) out.push_back(step(out.back(), caveat));
  return out;
}

Outcome<access::Macaroon> KeyRing::genuine(const pb::RequestHeader& header) const {
  auto key = access::Macaroon::parse(header.api_key());
  if (!key) return failure(code::kInvalidArgument, "Invalid API credentials");
  if (key->head() != head_) return unauthorized();
  return std::move(*key);
}

Outcome<Credentials> KeyRing::identify(const pb::RequestHeader& header) const {
  auto key = genuine(header);
  if (!key) return key.failed();
  const std::vector<std::string> chain = tails(*key);
  if (!crypto::constant_time_equal(chain.back(), key->tail())) return unauthorized();
  std::vector<pb::Caveat> caveats;
  for (const std::string& bytes : key->caveats()) {
    if (!caveats.emplace_back().ParseFromString(bytes)) return unauthorized();
  }
  std::lock_guard lock(mutex_);
  for (const std::string& tail : chain) {
    if (revoked_.count(tail) != 0) return unauthorized();
  }
  return Credentials(std::move(caveats), clock_.wall_now());
}

Check KeyRing::revoke(const pb::RequestHeader& header, const std::string& raw_key) {
  auto target = access::Macaroon::parse(raw_key);
  if (!target) return failure(code::kInvalidArgument, "API key to revoke is not a macaroon");
  auto key = genuine(header);
  if (!key) return key.failed();
  const std::vector<std::string> chain = tails(*target);
  if (target->head() != head_ || chain.back() != target->tail()) {
    return failure(code::kInvalidArgument, "Macaroon to revoke invalid");
  }
  const auto parent = std::find(chain.begin(), chain.end() - 1, key->tail());
  if (parent == chain.end() - 1) {
    return failure(code::kPermissionDenied, "Unauthorized attempt to revoke macaroon");
  }
  std::lock_guard lock(mutex_);
  revoked_.insert(target->tail());
  return {};
}

}  // namespace sjcp::network
