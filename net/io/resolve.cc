#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "net/io/endpoint.h"

namespace sjcp::io {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// Long enough that the nodes of neighbouring segments are asked for once, short enough to follow a move.
constexpr std::chrono::seconds kCacheTime{120};
constexpr size_t kMaxCached = 4096;

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> split(const std::string& address) {
  const auto malformed = [&address](const char* why) {
    return make_error(Errc::kUsage, "address \"" + address + "\": " + why);
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return malformed("no port; expected host:port");
  HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
  unsigned port = 0;
  const char* end = parts.port.data() + parts.port.size();
  const auto parsed = std::from_chars(parts.port.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port == 0 || port > 65535)
    return malformed("bad port");
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    if (parts.host.find(':') == std::string::npos) return malformed("bad IPv6 address");
  } else if (parts.host.find_first_of("[]:") != std::string::npos) {
    return malformed("IPv6 addresses need brackets");
  }
  if (parts.host.empty()) return malformed("no host");
  return parts;
}

// getaddrinfo; its error code, or 0.
int look_up(const HostPort& parts, int flags, const std::string& text, std::vector<Endpoint>& endpoints) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &list);
  if (error != 0) return error;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    if (item->ai_family != AF_INET && item->ai_family != AF_INET6) continue;
    endpoints.push_back({std::string(reinterpret_cast<const char*>(item->ai_addr), item->ai_addrlen), text});
  }
  return endpoints.empty() ? EAI_NONAME : 0;
}

// A name that there is not stays away; a name service that does not answer now may answer later.
Error unresolved(const std::string& address, int error) {
  const bool unknown = error == EAI_NONAME
#ifdef EAI_NODATA
                       || error == EAI_NODATA
#endif
      ;
  if (unknown) return make_error(Errc::kNetwork, address + ": no host of this name; check its spelling");
  const bool passes = error == EAI_AGAIN || error == EAI_FAIL || error == EAI_SYSTEM;
  return make_error(Errc::kNetwork, address + ": cannot resolve the name: " + gai_strerror(error), 0,
                    passes ? Fault::kUnreached : Fault::kNone);
}

// Names looked up lately.  Lives for the whole process, like the system's own resolver state.
class NameCache {
 public:
  std::optional<std::vector<Endpoint>> find(const std::string& address, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(address);
    if (found == entries_.end() || found->second.expires <= now) return std::nullopt;
    return found->second.endpoints;
  }
  void put(const std::string& address, const std::vector<Endpoint>& endpoints, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMaxCached) entries_.clear();
    entries_[address] = {endpoints, now + kCacheTime};
  }

 private:
  struct Entry {
    std::vector<Endpoint> endpoints;
    SteadyTime expires;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

NameCache& name_cache() {
  static NameCache cache;
  return cache;
}

}  // namespace

Result<std::vector<Endpoint>> resolve(const std::string& address) {
  const Result<HostPort> parts = split(address);
  if (!parts) return parts.error();
  std::vector<Endpoint> endpoints;
  // Nodes mostly come as numbers; those need neither cache nor DNS.
  if (look_up(*parts, AI_NUMERICHOST, address, endpoints) == 0) return endpoints;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (auto cached = name_cache().find(address, now)) return std::move(*cached);
  int error = look_up(*parts, AI_ADDRCONFIG, address, endpoints);
  // Every machine knows itself, also one without /etc/hosts (RFC 6761, 6.3).
  if (error != 0 && parts->host == "localhost") {
    error = look_up({"127.0.0.1", parts->port}, AI_NUMERICHOST, address, endpoints);
  }
  if (error != 0) return unresolved(address, error);
  name_cache().put(address, endpoints, now);
  return endpoints;
}

std::string numeric_host(const Endpoint& endpoint) {
  const auto* address = reinterpret_cast<const sockaddr*>(endpoint.sockaddr.data());
  char text[NI_MAXHOST];
  if (getnameinfo(address, static_cast<socklen_t>(endpoint.sockaddr.size()), text, sizeof text, nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return "";
  }
  return endpoint.sockaddr.size() == sizeof(sockaddr_in6) ? "[" + std::string(text) + "]" : text;
}

}  // namespace sjcp::io
