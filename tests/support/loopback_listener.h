// Listens on a free loopback port.  The kernel completes connections whether or not anybody accepts them.
//
// Threads: any.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace sjcp::test {

class LoopbackListener {
 public:
  explicit LoopbackListener(int backlog = 64) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(fd_, backlog) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no loopback listener");
    }
    port_ = ntohs(address.sin_port);
  }
  ~LoopbackListener() { ::close(fd_); }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // The next connection, the caller's; -1 once shut down.
  int accept() const { return ::accept(fd_, nullptr, nullptr); }
  // Nobody waits in accept() any longer.
  void shut_down() const { ::shutdown(fd_, SHUT_RDWR); }

 private:
  const int fd_;
  int port_ = 0;
};

// The port at the other end of a connection, or at this one.
inline int port_of(int fd, bool peer) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* out = reinterpret_cast<sockaddr*>(&address);
  const int failed = peer ? ::getpeername(fd, out, &size) : ::getsockname(fd, out, &size);
  return failed != 0 ? -1 : ntohs(address.sin_port);
}

}  // namespace sjcp::test
