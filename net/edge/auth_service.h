// Storj's auth service: turns an access grant into keys for the S3 gateway and for link sharing.
//
// Protocol: `POST /v1/access` with a JSON body, as edge services publish it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::edge {

inline constexpr const char* kAuthService = "https://auth.storjshare.io";

struct RegisteredAccess {
  std::string access_key_id;  // a secret, unless the access was registered as public
  std::string secret_key;
  std::string endpoint;          // of the S3 gateway
  std::string restricted_until;  // RFC 3339; empty: as long as the grant
};

// auth_service: as auth_service_url() takes it.  The service keeps the grant,
// encrypted with the key id.  public_access: link sharing shows it to everyone who has the key id.
// Errors: kUsage (the service refuses the grant, with its reason), kNetwork once the client's patience with
// it is used up, kProtocol; never with the grant.
Result<RegisteredAccess> register_access(http::Client& client, const std::string& auth_service,
                                         const std::string& grant, bool public_access,
                                         const transfer::Context& context);

// The base URL for what uplink's --auth-service takes: a URL, HOST, HOST:PORT, or insecure://HOST:PORT for a
// service without TLS; port 7777, where uplink speaks DRPC, is left to the scheme.  kUsage: none of these.
Result<std::string> auth_service_url(const std::string& address);

}  // namespace sjcp::edge
