#include "net/http/line_pool.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "net/io/endpoint.h"

namespace sjcp::http {
namespace {

std::string key_of(const Url& url, bool direct) {
  return (direct ? "direct " : "") + url.origin();
}

}  // namespace

bool behind_proxy() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

std::unique_ptr<Line> LinePool::take(const Url& url, bool direct) {
  std::string address;
  learn_once(url, direct);
  {
    const std::lock_guard lock(mutex_);
    Server& server = servers_[key_of(url, direct)];
    if (!server.idle.empty()) {
      auto line = std::move(server.idle.back());
      server.idle.pop_back();
      --idle_;
      return line;
    }
    if (server.addresses.size() > 1) address = server.addresses[server.next++ % server.addresses.size()];
  }
  auto line = std::make_unique<Line>(sharing_, dials_, options_);
  line->pin(std::move(address));
  return line;
}

// Not for the first line: it has nothing to choose from, and would wait.  Nor where none needs to be made.
void LinePool::learn_once(const Url& url, bool direct) {
  std::shared_ptr<std::once_flag> once;
  std::string answered;
  {
    const std::lock_guard lock(mutex_);
    const Server& server = servers_[key_of(url, direct)];
    if (server.idle.empty()) once = server.learned;
    answered = server.answered;
  }
  if (once) std::call_once(*once, [&] { learn(url, answered); });
}

// libcurl prefers the first address for every connection.  Which family works is what the first connection
// has found out; those after it take the addresses of that family in turn.
void LinePool::learn(const Url& url, const std::string& answered) {
  std::vector<std::string> addresses;
  if (!answered.empty() && !behind_proxy()) {
    const bool six = answered.find(':') != std::string::npos;
    const auto endpoints = io::resolve(url.host + ":" + std::to_string(url.port));
    if (endpoints) {
      for (const io::Endpoint& endpoint : *endpoints) {
        std::string text = io::numeric_host(endpoint);
        if (text.empty() || text.starts_with('[') != six) continue;
        if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) {
          addresses.push_back(std::move(text));
        }
      }
    }
  }
  const std::lock_guard lock(mutex_);
  Server& server = servers_[key_of(url, false)];
  // The first connection has the one that answered.
  const std::string answered_by = answered.find(':') == std::string::npos ? answered : "[" + answered + "]";
  const auto first = std::find(addresses.begin(), addresses.end(), answered_by);
  server.next = first == addresses.end() ? 0 : static_cast<size_t>(first - addresses.begin()) + 1;
  server.addresses = std::move(addresses);
}

void LinePool::met(const Url& url, bool direct, const std::string& address) {
  if (direct || address.empty()) return;
  const std::lock_guard lock(mutex_);
  Server& server = servers_[key_of(url, false)];
  if (server.learned) return;
  server.learned = std::make_shared<std::once_flag>();
  server.answered = address;
}

// Names are looked up, which may take time that the request whose connection has just been made does not
// have.
void LinePool::dial_ahead(const Url& url, bool direct, const std::string& address, size_t count) {
  const std::lock_guard lock(mutex_);
  const size_t idle = servers_[key_of(url, direct)].idle.size();
  if (dialling_ || count <= idle) return;
  dialling_ = true;
  dialler_ = std::jthread([this, url, direct, address, count = count - idle] {
    dial_all(url, direct, address, count);
    const std::lock_guard done(mutex_);
    dialling_ = false;
  });
}

void LinePool::dial_all(const Url& url, bool direct, const std::string& address, size_t count) {
  std::vector<std::string> addresses;
  size_t next = 0;
  met(url, direct, address);
  learn_once(url, direct);
  {
    const std::lock_guard lock(mutex_);
    const Server& server = servers_[key_of(url, direct)];
    // Those that the next lines will be pinned to.
    if (server.addresses.size() > 1) addresses = server.addresses;
    next = server.next;
  }
  if (addresses.empty()) {
    addresses.push_back(address.find(':') == std::string::npos ? address : "[" + address + "]");
  }
  std::vector<io::Endpoint> endpoints;
  for (const std::string& each : addresses) {
    auto found = io::resolve(each + ":" + std::to_string(url.port));
    if (found && !found->empty()) endpoints.push_back(std::move(found->front()));
  }
  for (size_t i = 0; i < count && !endpoints.empty(); ++i)
    dials_.dial(endpoints[(next + i) % endpoints.size()]);
}

void LinePool::keep(const Url& url, bool direct, std::unique_ptr<Line> line, size_t most) {
  if (most == 0) return;
  std::vector<std::unique_ptr<Line>> gone;  // closed without the lock
  const std::lock_guard lock(mutex_);
  while (idle_ >= most) gone.push_back(forget_oldest());
  servers_[key_of(url, direct)].idle.push_back(std::move(line));
  ++idle_;
}

std::unique_ptr<Line> LinePool::forget_oldest() {
  Server* oldest = nullptr;
  for (auto& [key, server] : servers_) {
    if (server.idle.empty()) continue;
    if (oldest == nullptr || server.idle.front()->used() < oldest->idle.front()->used()) oldest = &server;
  }
  auto line = std::move(oldest->idle.front());
  oldest->idle.erase(oldest->idle.begin());
  --idle_;
  return line;
}

void LinePool::drop_address(const Url& url, const std::string& address) {
  const std::lock_guard lock(mutex_);
  std::erase(servers_[key_of(url, false)].addresses, address);
}

}  // namespace sjcp::http
