// Who may do what: API keys with their caveats, as the satellite reads them (protocol notes 2.4).
//
// Threads: any.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/access/access.pb.h"
#include "core/access/macaroon.h"
#include "core/base/clock.h"
#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/rpc.h"

namespace sjcp::network {

enum class Action : uint8_t { kRead, kWrite, kList, kDelete, kProjectInfo, kGetRetention, kGetLegalHold };

struct Access {
  Action action = Action::kRead;
  std::string bucket;
  std::string path;  // encrypted
};

// True when one caveat permits the access at that time.
bool caveat_allows(const pb::Caveat& caveat, const Access& access, Clock::Wall now);

RpcFailure unauthorized();

// One request's key, already known to be genuine and not revoked.
class Credentials {
 public:
  Credentials(std::vector<pb::Caveat> caveats, Clock::Wall now) : caveats_(std::move(caveats)), now_(now) {}

  bool allows(Action action, const std::string& bucket, const std::string& path) const;
  // kPermissionDenied unless allowed.
  Check require(Action action, const std::string& bucket, const std::string& path) const;
  // The same for any of the actions.
  Check require_any(std::initializer_list<Action> actions, const std::string& bucket,
                    const std::string& path) const;

  // False for buckets that the allowed paths of some caveat leave out.
  bool sees_bucket(const std::string& bucket) const;
  // The shortest of all caveats.
  std::optional<std::chrono::nanoseconds> max_object_ttl() const;

 private:
  std::vector<pb::Caveat> caveats_;
  Clock::Wall now_;
};

// The project's one root key and what was revoked of it.
class KeyRing {
 public:
  KeyRing(std::string head, std::string secret, const Clock& clock)
      : head_(std::move(head)), secret_(std::move(secret)), clock_(clock) {}

  access::Macaroon root() const { return access::Macaroon::create(head_, secret_); }

  Outcome<Credentials> identify(const pb::RequestHeader& header) const;
  // `header` holds a proper ancestor of the key to revoke.
  Check revoke(const pb::RequestHeader& header, const std::string& raw_key);

 private:
  // Tails after 0, 1, ... caveats.
  std::vector<std::string> tails(const access::Macaroon& key) const;
  Outcome<access::Macaroon> genuine(const pb::RequestHeader& header) const;

  const std::string head_;
  const std::string secret_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::set<std::string> revoked_;
};

}  // namespace sjcp::network
