#include "net/s3/credentials.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace sjcp::s3 {
namespace {

constexpr auto kRenewBefore = std::chrono::minutes(10);
constexpr auto kRetryRenewal = std::chrono::minutes(1);

std::optional<TimedKeys> static_keys(const Section* section) {
  auto id = value_of(section, "aws_access_key_id");
  auto secret = value_of(section, "aws_secret_access_key");
  if (!id || !secret) return std::nullopt;
  return TimedKeys{{*id, *secret, value_of(section, "aws_session_token").value_or("")}, std::nullopt};
}

Error half_a_pair(const std::string& where) {
  return make_error(Errc::kDenied, where + ": has an access key without its secret, or the reverse");
}

TimedKeys told(TimedKeys keys, const std::string& origin) {
  spdlog::debug("credentials for S3: from {}", origin);
  return keys;
}

}  // namespace

Result<TimedKeys> parse_keys(const std::string& json, const KeyNames& names, const std::string& what) {
  const auto bad = [&] { return make_error(Errc::kProtocol, what + ": does not answer with credentials"); };
  const auto value = nlohmann::json::parse(json, nullptr, false);
  if (!value.is_object()) return bad();
  const auto text = [&](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  TimedKeys keys{{text(names.id), text(names.secret), text(names.token)}, std::nullopt};
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) return bad();
  const auto expires = value.find(names.expires);
  if (expires != value.end() && expires->is_number_integer()) {
    keys.expires = WallTime(std::chrono::milliseconds(expires->get<int64_t>()));
  } else if (const std::string time = text(names.expires); !time.empty()) {
    keys.expires = parse_iso_time(time);
    if (!keys.expires) return bad();
  }
  return keys;
}

std::optional<std::string> KeyFinder::env(const std::string& name) const {
  auto value = surroundings_.env(name);
  if (value && value->empty()) return std::nullopt;
  return value;
}

Result<TimedKeys> KeyFinder::find() {
  if (!settings_.profile_asked) {
    auto found = in_environment();
    if (!found) return std::move(found).error();
    if (*found) return told(**found, "the environment");
  }
  std::string origin = "profile " + settings_.profile;
  auto found = of_profile(settings_.profile);
  const auto otherwise = [&](const char* place, auto look) {
    if (!found || *found) return;
    origin = place;
    found = look();
  };
  if (!settings_.profile_asked) otherwise("web identity", [this] { return of_web_identity(nullptr); });
  otherwise("the container's service", [this] { return of_container(); });
  otherwise("the machine's service", [this] { return of_machine(); });
  if (!found) return std::move(found).error();
  if (*found) return told(**found, origin);
  return make_error(
      Errc::kDenied,
      "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of "
      "~/.aws with --profile, or read public data with --no-sign-request");
}

KeyFinder::Found KeyFinder::in_environment() const {
  auto id = env("AWS_ACCESS_KEY_ID");
  auto secret = env("AWS_SECRET_ACCESS_KEY");
  if (!id && !secret) return std::optional<TimedKeys>();
  if (!id || !secret) return half_a_pair("environment");
  return std::optional(TimedKeys{{*id, *secret, env("AWS_SESSION_TOKEN").value_or("")}, std::nullopt});
}

KeyFinder::Found KeyFinder::of_profile(const std::string& name) {
  const Section* profile = profiles_.profile(name);
  if (profile == nullptr) return std::optional<TimedKeys>();
  auto found = of_role(name, *profile);
  if (found && !*found) found = of_web_identity(profile);
  if (found && !*found) found = of_sign_on(name, *profile);
  if (!found || *found) return found;
  if (auto keys = static_keys(profiles_.credentials(name))) return std::optional(*std::move(keys));
  found = of_program(*profile);
  if (!found || *found) return found;
  if (auto keys = static_keys(profile)) return std::optional(*std::move(keys));
  if (value_of(profile, "login_session")) {
    return make_error(Errc::kUnsupported,
                      "profile " + name +
                          ": its keys come from aws login; put them into the environment: "
                          "aws configure export-credentials --profile " +
                          name + " --format env");
  }
  if (value_of(profile, "aws_access_key_id") || value_of(profile, "aws_secret_access_key")) {
    return half_a_pair("profile " + name);
  }
  return found;
}

KeyFinder::Found KeyFinder::of_role(const std::string& name, const Section& profile) {
  const auto role = value_of(&profile, "role_arn");
  if (!role || value_of(&profile, "web_identity_token_file")) return std::optional<TimedKeys>();
  // A profile that is its own source has keys of its own: the second time round it is only these.
  if (!visited_.insert(name).second) return std::optional<TimedKeys>();
  if (value_of(&profile, "mfa_serial")) {
    return make_error(Errc::kUnsupported,
                      "profile " + name +
                          ": wants a code of a second factor; get keys for a session with the "
                          "AWS CLI and put them into the environment");
  }
  auto source = source_of_role(name, profile);
  if (!source) return std::move(source).error();
  Query form{{"Action", "AssumeRole"}, {"Version", "2011-06-15"}, {"RoleArn", *role}};
  form.emplace_back("RoleSessionName", value_of(&profile, "role_session_name").value_or("sjcp"));
  if (auto id = value_of(&profile, "external_id")) form.emplace_back("ExternalId", *id);
  if (auto time = value_of(&profile, "duration_seconds")) form.emplace_back("DurationSeconds", *time);
  auto keys = ask_sts(form, &*source);
  if (!keys) return with_context(std::move(keys).error(), "role of profile " + name);
  return std::optional(*std::move(keys));
}

Result<TimedKeys> KeyFinder::source_of_role(const std::string& name, const Section& profile) {
  Found found = std::optional<TimedKeys>();
  std::string from;
  if (auto source = value_of(&profile, "source_profile")) {
    from = "profile " + *source;
    // A loop ends at a profile that was visited: it counts only if it has keys.
    found = of_profile(*source);
  } else if (auto kind = value_of(&profile, "credential_source")) {
    from = "credential_source " + *kind;
    if (*kind == "Environment") found = in_environment();
    if (*kind == "EcsContainer") found = of_container();
    if (*kind == "Ec2InstanceMetadata") found = of_machine();
  } else {
    from = "no source_profile and no credential_source";
  }
  if (!found) return std::move(found).error();
  if (!*found) {
    return make_error(Errc::kDenied,
                      "profile " + name + ": its role has no credentials to ask with (" + from + ")");
  }
  return **found;
}

KeyFinder::Found KeyFinder::of_program(const Section& profile) {
  const auto command = value_of(&profile, "credential_process");
  if (!command) return std::optional<TimedKeys>();
  const auto words = command_words(*command);
  auto printed = surroundings_.run(words, stop_);
  if (!printed) return std::move(printed).error();
  KeyNames names;
  names.token = "SessionToken";
  auto keys = parse_keys(*printed, names, "credential_process " + (words.empty() ? "" : words.front()));
  if (!keys) return std::move(keys).error();
  return std::optional(*std::move(keys));
}

Credentials::Credentials(Surroundings surroundings, Profiles profiles, Settings settings)
    : surroundings_(std::move(surroundings)),
      profiles_(std::move(profiles)),
      settings_(std::move(settings)) {}

std::unique_ptr<Credentials> Credentials::none() {
  std::unique_ptr<Credentials> out(new Credentials());
  out->anonymous_ = true;
  return out;
}

Result<std::shared_ptr<const Keys>> Credentials::get(const std::stop_token& stop) {
  if (anonymous_) return std::shared_ptr<const Keys>();
  const uint64_t failures = failures_.load();
  const std::lock_guard lock(mutex_);
  // Another thread has just waited for a service in vain: whoever waited for that thread does not begin anew.
  if (failures_.load() != failures) return last_failure_;
  const WallTime now = surroundings_.clock->wall_now();
  const bool good = keys_ && (!keys_->expires || now < *keys_->expires - kRenewBefore || now < retry_at_);
  if (good) return std::shared_ptr<const Keys>(keys_);
  const bool hold = keys_ && keys_->expires && now < *keys_->expires;
  auto found = KeyFinder(surroundings_, profiles_, settings_, stop, !hold).find();
  if (found) {
    keys_ = std::make_shared<const TimedKeys>(*std::move(found));
    // Keys that are never good for long are asked for again at this pace.
    retry_at_ = now + kRetryRenewal;
    return std::shared_ptr<const Keys>(keys_);
  }
  if (hold) {
    retry_at_ = now + kRetryRenewal;
    return std::shared_ptr<const Keys>(keys_);
  }
  if (found.error().code != Errc::kCancelled) {
    last_failure_ = found.error();
    failures_.fetch_add(1);
  }
  return std::move(found).error();
}

bool Credentials::renew(const Keys& refused) {
  const std::lock_guard lock(mutex_);
  if (anonymous_) return false;
  if (!keys_ || keys_->access_key_id != refused.access_key_id) return true;
  // Keys without an end come from a file or the environment: a second look may find others there.
  const WallTime now = surroundings_.clock->wall_now();
  if (renewed_ && now < retry_at_) return false;
  renewed_ = true;
  keys_.reset();
  return true;
}

}  // namespace sjcp::s3
