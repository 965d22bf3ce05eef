#include "tests/e2e/local_network.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace sjcp::e2e {

LocalNetwork::LocalNetwork(const std::vector<std::string>& args) {
  Command command;
  command.program = SJCP_SJNET;
  command.args = args;
  command.args.insert(command.args.end(), {"--control", folder_ / "control"});
  // Longer than any test may take.
  command.limit = std::chrono::minutes(10);
  process_ = std::make_unique<Child>(std::move(command));
  wait_ready();
  connect();
}

LocalNetwork::~LocalNetwork() {
  if (socket_ >= 0) ::close(socket_);
}

void LocalNetwork::wait_ready() {
  if (!process_->wait_until([this] { return process_->out().ends_with('\n'); })) {
    throw std::runtime_error("sjnet is not ready: " + process_->err());
  }
  const Json ready = Json::parse(process_->out());
  grant_ = ready.at("access");
  api_key_ = ready.at("api_key");
  satellite_ = ready.at("satellite");
  for (const std::string url : ready.at("nodes")) node_ids_.push_back(url.substr(0, url.find('@')));
}

void LocalNetwork::connect() {
  const std::string path = folder_ / "control";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error(path + " is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("no control socket");
  }
}

Json LocalNetwork::control(const Json& command) {
  const std::string line = command.dump() + "\n";
  if (::send(socket_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("the control socket takes nothing");
  }
  received_.clear();
  while (!received_.ends_with('\n')) {
    char buffer[65536];
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    if (n <= 0) throw std::runtime_error("the control socket does not answer");
    received_.append(buffer, static_cast<size_t>(n));
  }
  Json reply = Json::parse(received_);
  if (!reply.at("ok").get<bool>()) throw std::runtime_error(line + reply.dump());
  return reply;
}

bool LocalNetwork::wait_until(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool met = false;
  process_->wait_until([&] {
    met = condition();
    return met || std::chrono::steady_clock::now() > limit;
  });
  return met;
}

uint64_t LocalNetwork::calls(const std::string& method) {
  const Json calls = stats()["satellite"]["calls"];
  return calls.value(method, uint64_t{0});
}

void LocalNetwork::fault_first(size_t count, const Json& faults) {
  Json bad = Json::array();
  Json good = Json::array();
  for (size_t i = 0; i < nodes(); ++i) (i < count ? bad : good).push_back(i);
  control({{"op", "node"}, {"nodes", good}, {"faults", Json::object()}});
  control({{"op", "node"}, {"nodes", bad}, {"faults", faults}});
}

void LocalNetwork::fail_calls(const std::string& method, uint64_t code, const std::string& text,
                              uint64_t count) {
  control({{"op", "satellite"},
           {"method", method},
           {"status", {{"code", code}, {"text", text}}},
           {"count", count}});
}

}  // namespace sjcp::e2e
