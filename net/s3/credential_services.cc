// The part of KeyFinder that asks services for keys: STS, single sign-on, the container's, the machine's.
#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/wait.h"
#include "core/flow/repeats.h"
#include "core/transfer/digest.h"
#include "net/http/status.h"
#include "net/s3/credentials.h"
#include "net/s3/replies.h"

namespace sjcp::s3 {
namespace {

constexpr auto kMetadataLimit = std::chrono::seconds(1);
constexpr size_t kReplyLimit = 1 << 20;

// What a service says by its status alone.
Error told_by(const http::Reply& reply, const std::string& what) {
  const Fault fault = http::status_fault(reply.status);
  return make_error(fault == Fault::kNone ? Errc::kDenied : Errc::kNetwork,
                    what + ": status " + std::to_string(reply.status), reply.status, fault);
}

Error refused_by_sts(const http::Reply& reply) {
  const ServiceError error = error_of(reply, reply.body);
  const Fault fault =
      error.code == "IDPCommunicationError" ? Fault::kUnavailable : to_error(error, true).fault;
  const std::string why =
      error.message.empty() ? "status " + std::to_string(reply.status) : error.code + ": " + error.message;
  return make_error(fault == Fault::kNone ? Errc::kDenied : Errc::kNetwork, "STS refuses: " + why,
                    reply.status, fault);
}

std::string host_of(std::string_view url) {
  const size_t begin = url.find("://") + 3;
  std::string_view host = url.substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin);
  if (host.starts_with('[')) return std::string(host.substr(0, host.find(']') + 1));
  return std::string(host.substr(0, host.find(':')));
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

// A token is sent only where nobody on the way can read it.
bool may_have_token(const std::string& url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  const std::string host = host_of(url);
  return host == "localhost" || is_loopback(host) || host == "[::1]" || host == "169.254.170.2" ||
         host == "169.254.170.23" || host == "[fd00:ec2::23]";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

Result<http::Reply> KeyFinder::ask(const http::Request& request, const http::Explain& explain) {
  transfer::Counters counters;
  const transfer::Context context{stop_, nullptr, &counters};
  if (patient_) {
    return http::ask(*surroundings_.client, request, flow::Question::kSafe, explain, context, kReplyLimit);
  }
  auto reply = surroundings_.client->call(request, context, kReplyLimit);
  if (reply && reply->status >= 300) return explain(*reply);
  return reply;
}

// One question, signed with `keys` unless null.
Result<TimedKeys> KeyFinder::ask_sts(const Query& form, const Keys* keys) {
  const std::string own = std::string(settings_.fips ? "https://sts-fips." : "https://sts.") +
                          settings_.region + std::string(amazon_domain(settings_.region));
  const std::string& endpoint = settings_.sts_endpoint.empty() ? own : settings_.sts_endpoint;
  auto url = http::Url::parse(endpoint + "/");
  if (!url) return with_context(std::move(url).error(), "STS");
  http::Request request;
  request.method = "POST";
  request.url = endpoint + "/";
  request.redirects = 0;
  request.body = query_text(form);
  request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"});
  if (keys != nullptr) {
    const std::string rest = endpoint.substr(endpoint.find("://") + 3) + "/";
    const size_t path = rest.find('/');
    Target target{"POST", rest.substr(0, path), rest.substr(path), ""};
    Signer("sts").sign(target, *keys, settings_.region, payload_hash(request.body),
                       surroundings_.clock->wall_now(), request.headers);
  }
  auto reply = ask(request, refused_by_sts);
  if (!reply) return std::move(reply).error();
  return parse_assumed_role(reply->body);
}

KeyFinder::Found KeyFinder::of_web_identity(const Section* profile) {
  auto file =
      profile != nullptr ? value_of(profile, "web_identity_token_file") : env("AWS_WEB_IDENTITY_TOKEN_FILE");
  auto role = profile != nullptr ? value_of(profile, "role_arn") : env("AWS_ROLE_ARN");
  if (!file || !role) return std::optional<TimedKeys>();
  auto session = profile != nullptr ? value_of(profile, "role_session_name") : env("AWS_ROLE_SESSION_NAME");
  auto token = surroundings_.read_file(*file);
  if (!token) return make_error(Errc::kDenied, *file + ": the web identity token cannot be read");
  auto keys = ask_sts({{"Action", "AssumeRoleWithWebIdentity"},
                       {"Version", "2011-06-15"},
                       {"RoleArn", *role},
                       {"RoleSessionName", session.value_or("sjcp")},
                       {"WebIdentityToken", first_line(*token)}},
                      nullptr);
  if (!keys) return with_context(std::move(keys).error(), "role " + *role);
  return std::optional(*std::move(keys));
}

KeyFinder::Found KeyFinder::of_sign_on(const std::string& name, const Section& profile) {
  const auto account = value_of(&profile, "sso_account_id");
  const auto role = value_of(&profile, "sso_role_name");
  if (!account || !role) return std::optional<TimedKeys>();
  const auto session_name = value_of(&profile, "sso_session");
  const Section* session = session_name ? profiles_.sso_session(*session_name) : &profile;
  const auto start = value_of(session, "sso_start_url");
  const auto region = value_of(session, "sso_region");
  const auto login = [&](const char* why) {
    return make_error(Errc::kDenied,
                      "profile " + name + ": " + why + "; run: aws sso login --profile " + name);
  };
  if (!start || !region) return login("its single sign-on has no start URL or region");
  auto hasher = transfer::Hasher::create(transfer::DigestKind::kSha1, 0);
  hasher->update(session_name ? *session_name : *start);
  const std::string path = in_home(surroundings_, ".aws/sso/cache/" + hasher->finish().hex + ".json");
  const auto cached = surroundings_.read_file(path);
  if (!cached) return login("is not signed on");
  const auto json = nlohmann::json::parse(*cached, nullptr, false);
  if (!json.is_object() || !json.contains("accessToken") || !json["accessToken"].is_string()) {
    return login("is not signed on");
  }
  if (json.contains("expiresAt") && json["expiresAt"].is_string()) {
    const auto expires = parse_iso_time(json["expiresAt"].get<std::string>());
    if (expires && *expires <= surroundings_.clock->wall_now()) return login("its sign-on has expired");
  }
  http::Request request;
  request.redirects = 0;
  request.url = settings_.sso_endpoint.empty()
                    ? "https://portal.sso." + *region + std::string(amazon_domain(*region))
                    : settings_.sso_endpoint;
  request.url += "/federation/credentials?" + query_text({{"role_name", *role}, {"account_id", *account}});
  request.headers.push_back({"x-amz-sso_bearer_token", json["accessToken"].get<std::string>(), true});
  const auto explain = [&](const http::Reply& reply) -> Error {
    const Error told = told_by(reply, "single sign-on of profile " + name);
    if (told.fault != Fault::kNone) return told;
    return login(reply.status == 401 ? "its sign-on has expired" : "its sign-on does not give this role");
  };
  auto reply = ask(request, explain);
  if (!reply) return std::move(reply).error();
  const auto body = nlohmann::json::parse(reply->body, nullptr, false);
  const bool has_keys = body.is_object() && body.contains("roleCredentials");
  auto keys = parse_keys(has_keys ? body["roleCredentials"].dump() : "",
                         {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}, "single sign-on");
  if (!keys) return std::move(keys).error();
  return std::optional(*std::move(keys));
}

KeyFinder::Found KeyFinder::of_container() {
  const auto relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) return std::optional<TimedKeys>();
  http::Request request;
  request.redirects = 0;
  request.url = relative ? "http://169.254.170.2" + *relative : *full;
  const std::string what = "the container's credentials at " + http::shown_url(request.url);
  if (!may_have_token(request.url)) {
    return make_error(Errc::kDenied, what + ": must be https, or an address of this machine");
  }
  if (auto file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    auto token = surroundings_.read_file(*file);
    if (!token) return make_error(Errc::kDenied, *file + ": the container's token cannot be read");
    request.headers.push_back({"Authorization", first_line(*token), true});
  } else if (auto token_text = env("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
    request.headers.push_back({"Authorization", first_line(*token_text), true});
  }
  auto reply = ask(request, [&](const http::Reply& refusal) { return told_by(refusal, what); });
  if (!reply) return std::move(reply).error();
  auto keys = parse_keys(reply->body, {}, what);
  if (!keys) return std::move(keys).error();
  return std::optional(*std::move(keys));
}

// The machine's service answers at once or not at all: on other machines nobody has this address.
// there: it has answered before.
Result<std::string> KeyFinder::metadata(const http::Request& request, const std::string& what, bool there) {
  transfer::Counters counters;
  flow::Repeats repeats(surroundings_.client->waits(), what);
  for (;;) {
    std::stop_source limit;
    std::jthread timer([&](const std::stop_token& done) {
      if (wait_unless_stopped(std::chrono::nanoseconds(kMetadataLimit), done)) limit.request_stop();
    });
    std::stop_callback link(stop_, [&] { limit.request_stop(); });
    auto reply = surroundings_.client->call(request, {limit.get_token(), nullptr, &counters}, kReplyLimit);
    if (reply && reply->status < 300) return std::move(reply->body);
    there = there || reply;
    Error error = reply ? told_by(*reply, what) : reply.error();
    if (!reply && limit.stop_requested() && !stop_.stop_requested())
      error = make_error(Errc::kNetwork, what + ": no answer within a second", 0, Fault::kSilent);
    if (!there || !patient_) return error;
    auto next = repeats.after(error, flow::Question::kSafe, stop_);
    if (!next) return next.error();
  }
}

KeyFinder::Found KeyFinder::of_machine() {
  const auto disabled = env("AWS_EC2_METADATA_DISABLED");
  if (disabled && (*disabled == "true" || *disabled == "True" || *disabled == "TRUE")) {
    return std::optional<TimedKeys>();
  }
  std::string base = env("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
  while (base.ends_with('/')) base.pop_back();
  const std::string what = "the machine's credentials";
  http::Request ask;
  ask.method = "PUT";
  ask.redirects = 0;
  ask.url = base + "/latest/api/token";
  ask.headers.push_back({"x-aws-ec2-metadata-token-ttl-seconds", "21600"});
  auto token = metadata(ask, what, false);
  if (stop_.stop_requested()) return make_error(Errc::kCancelled, what + ": interrupted");
  // Nobody has that address, or he says no; but not one who only could not answer now.
  const auto away = [](const Error& error) { return error.code == Errc::kNetwork && error.cause >= 400; };
  if (!token && away(token.error())) return std::move(token).error();
  if (!token) return std::optional<TimedKeys>();
  http::Request request;
  request.redirects = 0;
  request.url = base + "/latest/meta-data/iam/security-credentials/";
  request.headers.push_back({"x-aws-ec2-metadata-token", first_line(*token), true});
  auto role = metadata(request, what, true);
  if (!role && role.error().code != Errc::kDenied) return std::move(role).error();
  if (!role || first_line(*role).empty()) return std::optional<TimedKeys>();  // a machine without a role
  request.url += escape(first_line(*role), true);
  auto body = metadata(request, what, true);
  if (!body) return std::move(body).error();
  auto keys = parse_keys(*body, {}, what);
  if (!keys) return std::move(keys).error();
  return std::optional(*std::move(keys));
}

}  // namespace sjcp::s3
