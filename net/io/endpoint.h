// Where a peer listens: names and numbers to socket addresses.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace sjcp::io {

// A resolved endpoint: sockaddr bytes.
struct Endpoint {
  std::string sockaddr;  // raw struct sockaddr_in or sockaddr_in6
  std::string text;      // "host:port" as asked for, for messages
};

// "host:port" with a numeric or DNS host; "[v6]:port".  Blocking for DNS names, with a small process-wide
// cache. kUsage when malformed; kNetwork when it does not
// resolve: Fault::kUnreached where the name service is away, kNone for a name that there is not.
Result<std::vector<Endpoint>> resolve(const std::string& address);

// The address in digits, without its port, IPv6 in brackets; empty: of neither family.
std::string numeric_host(const Endpoint& endpoint);

}  // namespace sjcp::io
