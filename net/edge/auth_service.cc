#include "net/edge/auth_service.h"

#include <nlohmann/json.hpp>

#include "net/http/ask.h"
#include "net/http/status.h"

namespace sjcp::edge {
namespace {

using Json = nlohmann::json;

constexpr size_t kLargestReply = 64 << 10;
constexpr size_t kLongestReason = 200;
// Where uplink speaks DRPC to the same service; its HTTP form is at the usual port.
constexpr std::string_view kDrpcPort = ":7777";
// uplink's word for a connection that is not encrypted.
constexpr std::string_view kInsecure = "insecure://";

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// One line of the service's own words, which never repeat the grant.
std::string reason(const http::Reply& reply) {
  std::string text = reply.body.substr(0, std::min(reply.body.find_first_of("\r\n"), kLongestReason));
  return text.empty() ? "status " + std::to_string(reply.status) : text;
}

Error refused(const http::Reply& reply, const std::string& service) {
  const Fault fault = http::status_fault(reply.status);
  const bool of_request = reply.status >= 400 && reply.status < 500 && fault == Fault::kNone;
  return make_error(of_request ? Errc::kUsage : Errc::kNetwork, service + ": " + reason(reply), reply.status,
                    fault);
}

}  // namespace

Result<std::string> auth_service_url(const std::string& address) {
  std::string url = address;
  while (url.ends_with('/') && !url.ends_with("://")) url.pop_back();
  if (url.ends_with(kDrpcPort)) url.resize(url.size() - kDrpcPort.size());
  if (url.starts_with(kInsecure)) url.replace(0, kInsecure.size(), "http://");
  if (url.find("://") == std::string::npos) url.insert(0, "https://");
  if (!http::is_url(url) || url.find("://") + 3 == url.size()) {
    return make_error(
        Errc::kUsage,
        "the auth service is no host and no URL; write https://auth.example.com or auth.example.com:443");
  }
  return url;
}

Result<RegisteredAccess> register_access(http::Client& client, const std::string& auth_service,
                                         const std::string& grant, bool public_access,
                                         const transfer::Context& context) {
  auto base = auth_service_url(auth_service);
  if (!base) return std::move(base).error();
  http::Request request;
  request.method = "POST";
  request.url = *base + "/v1/access";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = Json{{"access_grant", grant}, {"public", public_access}}.dump();
  request.redirects = 0;  // the grant goes nowhere else
  // What an answer that was lost has registered, nobody knows the keys of.
  const auto explain = [&](const http::Reply& reply) { return refused(reply, *base); };
  auto reply = http::ask(client, request, flow::Question::kSafe, explain, context, kLargestReply);
  if (!reply) return std::move(reply).error();
  const Json json = Json::parse(reply->body, nullptr, false);
  RegisteredAccess access;
  if (json.is_object()) {
    access = {text_of(json, "access_key_id"), text_of(json, "secret_key"), text_of(json, "endpoint"),
              text_of(json, "freeTierRestrictedExpiration")};
  }
  if (access.access_key_id.empty() || access.secret_key.empty() || access.endpoint.empty()) {
    return make_error(Errc::kProtocol, *base + ": the reply holds no keys; is it an auth service?");
  }
  return access;
}

}  // namespace sjcp::edge
