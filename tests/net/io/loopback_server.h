// A TLS server with a node identity on a free loopback port, one thread per connection, for tests of the
// client side.
#pragma once

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "net/io/poller.h"
#include "net/io/tls_connection.h"

namespace sjcp::test {

// Far enough that only a hang reaches it.
inline std::chrono::steady_clock::time_point patience() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

inline std::shared_ptr<const io::Identity> new_identity() {
  return *io::Identity::generate();
}

// Drives the handshake to its end.
inline Status handshake(io::PeerConnection& connection, const std::stop_token& stop = {}) {
  while (true) {
    const Result<io::Ready> ready = connection.handshake();
    if (!ready) return ready.error();
    if (*ready == io::Ready::kDone) return {};
    if (Status status = io::wait_ready(connection.fd(), *ready, patience(), stop); !status) return status;
  }
}

class LoopbackServer {
 public:
  // Runs on the connection's own thread after its handshake; the connection closes when it returns.
  using Script = std::function<void(io::TlsConnection&, const std::stop_token&)>;

  // What happened to one connection; complete when the connection is closed.
  struct Visit {
    std::string preamble;
    int first_bytes = 0;  // that were there when the first became readable
    Status handshake;
  };

  LoopbackServer(std::shared_ptr<const io::TlsContext> context, Script script)
      : context_(std::move(context)), script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no loopback listener");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~LoopbackServer() {
    stop();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  // Ends all connections.
  void stop() {
    acceptor_.request_stop();
    if (acceptor_.joinable()) acceptor_.join();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  io::Endpoint endpoint() const { return io::resolve(address())->front(); }
  size_t accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  // Finished connections, in the order of their end.  After stop() these are all.
  std::vector<Visit> visits() const {
    const std::lock_guard lock(mutex_);
    return visits_;
  }

 private:
  void run(const std::stop_token& stop) {
    std::vector<std::jthread> threads;  // joined when stop has come
    while (io::wait_ready(listener_, io::Ready::kWantRead, patience(), stop)) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) continue;
      {
        const std::lock_guard lock(mutex_);
        ++accepted_;
      }
      threads.emplace_back([this, fd, stop] { serve(fd, stop); });
    }
  }

  void serve(int fd, const std::stop_token& stop) {
    Visit visit;
    std::array<char, 8> preamble;
    if (io::wait_ready(fd, io::Ready::kWantRead, patience(), stop)) {
      (void)::ioctl(fd, FIONREAD, &visit.first_bytes);
      const ssize_t got = ::recv(fd, preamble.data(), preamble.size(), 0);
      visit.preamble.assign(preamble.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
    }
    {
      auto connection = io::TlsConnection::accept(context_, fd);
      visit.handshake = handshake(**connection, stop);
      if (visit.handshake) script_(**connection, stop);
    }
    const std::lock_guard lock(mutex_);
    visits_.push_back(visit);
  }

  std::shared_ptr<const io::TlsContext> context_;
  Script script_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  size_t accepted_ = 0;
  std::vector<Visit> visits_;
  std::jthread acceptor_;
};

}  // namespace sjcp::test
