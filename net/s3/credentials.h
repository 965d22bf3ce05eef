// The keys that requests are signed with, from where AWS's tools look for them.
//
// Order: environment (unless a profile was asked for), then of the profile: a role to be taken on, a web
// identity, single sign-on, the credentials file, a program, the config file; then the container's service,
// then the machine's (IMDSv2).  The first that is configured decides; one that fails is an error, not a
// reason to look further.
//
// Keys that expire are renewed ten minutes before.
//
// A service for keys that does not answer is asked again as the table of core/flow has it; not for a renewal
// while the keys still hold, and not the machine's before it has answered once.
//
// Threads: any; the first call, and one that renews, block the others, who get what it gets.
// Errors: kDenied with what to do; no text holds a key, a token or a program's output.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "core/base/result.h"
#include "net/http/ask.h"
#include "net/s3/profiles.h"
#include "net/s3/settings.h"
#include "net/s3/sigv4.h"
#include "net/s3/surroundings.h"
#include "net/s3/times.h"

namespace sjcp::s3 {

struct TimedKeys : Keys {
  std::optional<WallTime> expires;
};

// Looks once.  Pure but for what its surroundings do.
class KeyFinder {
 public:
  // patient: services are asked again.
  KeyFinder(const Surroundings& surroundings, const Profiles& profiles, const Settings& settings,
            std::stop_token stop, bool patient)
      : surroundings_(surroundings),
        profiles_(profiles),
        settings_(settings),
        stop_(std::move(stop)),
        patient_(patient) {}

  // kDenied when there are none.
  Result<TimedKeys> find();

 private:
  using Found = Result<std::optional<TimedKeys>>;  // nothing: not configured

  std::optional<std::string> env(const std::string& name) const;
  Found in_environment() const;
  Found of_profile(const std::string& name);
  Found of_role(const std::string& name, const Section& profile);
  Result<TimedKeys> source_of_role(const std::string& name, const Section& profile);
  Found of_web_identity(const Section* profile);
  Found of_sign_on(const std::string& name, const Section& profile);
  Found of_program(const Section& profile);
  Found of_container();
  Found of_machine();

  Result<TimedKeys> ask_sts(const Query& form, const Keys* keys);
  Result<http::Reply> ask(const http::Request& request, const http::Explain& explain);
  Result<std::string> metadata(const http::Request& request, const std::string& what, bool there);

  const Surroundings& surroundings_;
  const Profiles& profiles_;
  const Settings& settings_;
  const std::stop_token stop_;
  const bool patient_;
  std::set<std::string> visited_;  // profiles on the way to a role
};

class Credentials {
 public:
  Credentials(Surroundings surroundings, Profiles profiles, Settings settings);
  // Requests are not signed.
  static std::unique_ptr<Credentials> none();

  // Null: requests are not signed.
  Result<std::shared_ptr<const Keys>> get(const std::stop_token& stop);
  // The service says that these keys are not good any more: false when there is no way to get others.
  bool renew(const Keys& refused);

 private:
  Credentials() = default;

  Surroundings surroundings_;
  Profiles profiles_;
  Settings settings_;
  bool anonymous_ = false;

  std::atomic<uint64_t> failures_{0};  // searches that found nothing
  std::mutex mutex_;                   // guards the rest
  Error last_failure_;
  std::shared_ptr<const TimedKeys> keys_;
  WallTime retry_at_{};  // after a renewal that failed while the old keys hold
  bool renewed_ = false;
};

// The JSON that container and machine services, programs and sign-on answer.  Names as each spells them.
struct KeyNames {
  const char* id = "AccessKeyId";
  const char* secret = "SecretAccessKey";
  const char* token = "Token";
  const char* expires = "Expiration";
};
// `what` names the origin for the error, kProtocol.
Result<TimedKeys> parse_keys(const std::string& json, const KeyNames& names, const std::string& what);

}  // namespace sjcp::s3
