#include "net/io/peer_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace sjcp::io {

namespace {

std::string endpoint_text(const sockaddr_storage& address) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, host, sizeof host, port,
                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown peer";
  }
  std::string text = host;
  if (address.ss_family == AF_INET6) text.insert(0, 1, '[').push_back(']');
  return text.append(":").append(port);
}

void set_no_delay(int fd) {
  const int on = 1;
  // Costs speed, not correctness, if it fails.
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

std::string errno_text(int err) {
  return std::generic_category().message(err);
}

bool would_block(int err) {
  return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

PeerSocket::~PeerSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<PeerSocket>> PeerSocket::dial(const Endpoint& endpoint, const access::NodeId& expected,
                                                     std::string_view preamble) {
  std::unique_ptr<PeerSocket> made(new PeerSocket());
  PeerSocket& socket = *made;
  socket.preamble_ = preamble;
  socket.name_ = endpoint.text + " (node " + expected.text() + ")";
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.sockaddr.data(), std::min(endpoint.sockaddr.size(), sizeof address));
  socket.fd_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket.fd_ < 0) {
    const int err = errno;
    return make_error(Errc::kNetwork, socket.name_ + ": no socket: " + errno_text(err), err);
  }
  set_no_delay(socket.fd_);
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address),
                static_cast<socklen_t>(endpoint.sockaddr.size())) != 0 &&
      errno != EINPROGRESS) {
    socket.error_ = errno;
    return socket.failure("connect");
  }
  return made;
}

std::unique_ptr<PeerSocket> PeerSocket::accept(int fd) {
  std::unique_ptr<PeerSocket> made(new PeerSocket());
  made->fd_ = fd;
  made->reached_ = true;
  set_no_delay(fd);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool known = getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  made->name_ = known ? endpoint_text(address) : "unknown peer";
  return made;
}

bool PeerSocket::reached() const {
  if (reached_) return true;
  pollfd socket{fd_, POLLOUT, 0};
  return ::poll(&socket, 1, 0) > 0;
}

void PeerSocket::check_connected() {
  socklen_t size = sizeof error_;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size) != 0) error_ = errno;
  reached_ = reached_ || error_ == 0;
}

// The preamble shares a segment with the first bytes behind it.
ssize_t PeerSocket::send(const void* data, size_t size, bool more) {
  ssize_t sent = 0;
  if (preamble_.empty()) {
    sent = ::send(fd_, data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  } else {
    iovec parts[2] = {{preamble_.data(), preamble_.size()}, {const_cast<void*>(data), size}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      const size_t of_preamble = std::min(static_cast<size_t>(sent), preamble_.size());
      preamble_.erase(0, of_preamble);
      sent -= static_cast<ssize_t>(of_preamble);
      reached_ = true;
      if (sent == 0) {
        errno = EAGAIN;
        return -1;
      }
    }
  }
  if (sent >= 0) {
    reached_ = true;
  } else if (!would_block(errno)) {
    error_ = errno;
  }
  return sent;
}

ssize_t PeerSocket::receive(void* data, size_t size) {
  const ssize_t received = ::recv(fd_, data, size, 0);
  if (received == 0) eof_ = true;
  if (received < 0 && !would_block(errno)) error_ = errno;
  return received;
}

Error PeerSocket::failure(const char* doing) const {
  if (error_ == 0)
    return make_error(Errc::kNetwork, name_ + ": the peer closed the connection during " + doing, 0,
                      Fault::kBroken);
  const std::string what = reached_ ? std::string(": connection lost during ") + doing : ": cannot connect";
  return make_error(Errc::kNetwork, name_ + what + ": " + errno_text(error_), error_,
                    reached_ ? Fault::kBroken : Fault::kUnreached);
}

}  // namespace sjcp::io
