#include "net/io/tls_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "net/io/openssl_ptr.h"
#include "net/io/peer_check.h"

namespace sjcp::io {

namespace {

std::string errno_text(int err) {
  return std::generic_category().message(err);
}

// The descriptor as OpenSSL sees it.
struct SocketEnd {
  int fd = -1;
  std::string preamble;  // still to be sent before the first TLS byte
  bool reached = false;  // some byte went out: the TCP connection stands
  bool eof = false;
  bool more = false;  // more will be written soon
  int error = 0;      // errno of the operation that failed
};

// The preamble shares a segment with the first TLS bytes, and nothing raises SIGPIPE: both are beyond
// OpenSSL's own socket BIO.
ssize_t send_with_preamble(SocketEnd& socket, const char* data, size_t size) {
  if (socket.preamble.empty())
    return ::send(socket.fd, data, size, MSG_NOSIGNAL | (socket.more ? MSG_MORE : 0));
  iovec parts[2] = {{socket.preamble.data(), socket.preamble.size()}, {const_cast<char*>(data), size}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t sent = ::sendmsg(socket.fd, &message, MSG_NOSIGNAL);
  if (sent < 0) return sent;
  const size_t of_preamble = std::min(static_cast<size_t>(sent), socket.preamble.size());
  socket.preamble.erase(0, of_preamble);
  if (static_cast<size_t>(sent) > of_preamble) return sent - static_cast<ssize_t>(of_preamble);
  errno = EAGAIN;
  return -1;
}

bool would_block(int err) {
  return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

int bio_write(BIO* bio, const char* data, int size) {
  auto& socket = *static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send_with_preamble(socket, data, static_cast<size_t>(size));
  if (sent >= 0) {
    socket.reached = true;
    return static_cast<int>(sent);
  }
  if (would_block(errno)) {
    BIO_set_retry_write(bio);
  } else {
    socket.error = errno;
  }
  return -1;
}

int bio_read(BIO* bio, char* data, int size) {
  auto& socket = *static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t received = ::recv(socket.fd, data, static_cast<size_t>(size), 0);
  if (received > 0) return static_cast<int>(received);
  if (received == 0) {
    socket.eof = true;
    return 0;
  }
  if (would_block(errno)) {
    BIO_set_retry_read(bio);
  } else {
    socket.error = errno;
  }
  return -1;
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<SocketEnd*>(BIO_get_data(bio))->eof ? 1 : 0;
  return 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sjcp socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

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

struct TlsConnection::State {
  std::shared_ptr<const TlsContext> context;
  std::string name;
  SocketEnd socket;
  PeerCheck check;
  SslPtr ssl;
  bool connected = false;
  bool drained = false;  // the last read used up everything that had arrived

  ~State() {
    ssl.reset();
    if (socket.fd >= 0) ::close(socket.fd);
  }
  Status start(bool server);
  Error failure(int ssl_error, const char* doing);
};

Status TlsConnection::State::start(bool server) {
  set_no_delay(socket.fd);
  ssl.reset(SSL_new(context->native()));
  BIO* bio = BIO_new(socket_method());
  if (ssl == nullptr || bio == nullptr) {
    BIO_free(bio);
    return make_error(Errc::kInternal, name + ": cannot make a TLS connection: " + openssl_reason());
  }
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), &check);
  server ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
  return {};
}

// Translates what stopped an operation.  `doing` as in "lost during <doing>".
Error TlsConnection::State::failure(int ssl_error, const char* doing) {
  if (check.refusal) {
    ERR_clear_error();
    return make_error(check.refusal->code, name + ": " + check.refusal->what);
  }
  if (socket.error != 0) {
    ERR_clear_error();
    const std::string what =
        socket.reached ? std::string(": connection lost during ") + doing : ": cannot connect";
    return make_error(Errc::kNetwork, name + what + ": " + errno_text(socket.error), socket.error);
  }
  if (socket.eof || ssl_error == SSL_ERROR_ZERO_RETURN) {
    ERR_clear_error();
    return make_error(Errc::kNetwork, name + ": the peer closed the connection during " + doing);
  }
  return make_error(Errc::kNetwork, name + ": TLS failed during " + doing + ": " + openssl_reason());
}

TlsConnection::TlsConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsConnection::~TlsConnection() = default;

Result<std::unique_ptr<TlsConnection>> TlsConnection::dial(std::shared_ptr<const TlsContext> context,
                                                           const Endpoint& endpoint,
                                                           const access::NodeId& expected,
                                                           std::string_view preamble) {
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->name = endpoint.text + " (node " + expected.text() + ")";
  state->check.expected = expected;
  state->socket.preamble = preamble;
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.sockaddr.data(), std::min(endpoint.sockaddr.size(), sizeof address));
  state->socket.fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (state->socket.fd < 0) {
    const int err = errno;
    return make_error(Errc::kNetwork, state->name + ": no socket: " + errno_text(err), err);
  }
  if (Status status = state->start(false); !status) return status.error();
  if (::connect(state->socket.fd, reinterpret_cast<const sockaddr*>(&address),
                static_cast<socklen_t>(endpoint.sockaddr.size())) != 0 &&
      errno != EINPROGRESS) {
    state->socket.error = errno;
    return state->failure(SSL_ERROR_SYSCALL, "connect");
  }
  return std::unique_ptr<TlsConnection>(new TlsConnection(std::move(state)));
}

Result<std::unique_ptr<TlsConnection>> TlsConnection::accept(std::shared_ptr<const TlsContext> context,
                                                             int fd) {
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->socket.fd = fd;
  state->socket.reached = true;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool known = getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  state->name = known ? endpoint_text(address) : "unknown peer";
  if (Status status = state->start(true); !status) return status.error();
  return std::unique_ptr<TlsConnection>(new TlsConnection(std::move(state)));
}

bool TlsConnection::reached() const {
  if (state_->socket.reached) return true;
  pollfd socket{state_->socket.fd, POLLOUT, 0};
  return ::poll(&socket, 1, 0) > 0;
}

int TlsConnection::fd() const {
  return state_->socket.fd;
}
const std::string& TlsConnection::name() const {
  return state_->name;
}
bool TlsConnection::connected() const {
  return state_->connected;
}
const std::shared_ptr<const PeerIdentity>& TlsConnection::peer() const {
  return state_->check.peer;
}

Result<Ready> TlsConnection::handshake() {
  if (state_->connected) return Ready::kDone;
  ERR_clear_error();
  const int result = SSL_do_handshake(state_->ssl.get());
  if (result == 1) {
    state_->connected = true;
    return Ready::kDone;
  }
  const int error = SSL_get_error(state_->ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ) return Ready::kWantRead;
  if (error == SSL_ERROR_WANT_WRITE) return Ready::kWantWrite;
  return state_->failure(error, "the TLS handshake");
}

Result<TlsConnection::ReadResult> TlsConnection::read(ByteSpan out) {
  ERR_clear_error();
  ReadResult result;
  const int ok = SSL_read_ex(state_->ssl.get(), out.data(), out.size(), &result.bytes);
  state_->drained = ok != 1;
  if (ok == 1) return result;
  result.bytes = 0;
  switch (const int error = SSL_get_error(state_->ssl.get(), ok)) {
    case SSL_ERROR_WANT_READ:
      return result;
    case SSL_ERROR_WANT_WRITE:
      result.wait = Ready::kWantWrite;
      return result;
    case SSL_ERROR_ZERO_RETURN:
      result.eof = true;
      return result;
    default:
      return state_->failure(error, "reading");
  }
}

bool TlsConnection::has_buffered() const {
  return !state_->drained && SSL_has_pending(state_->ssl.get()) == 1;
}

Result<size_t> TlsConnection::write(ByteView data, bool more) {
  if (data.empty()) return size_t{0};
  ERR_clear_error();
  state_->socket.more = more || data.size() > kRecordSize;
  size_t written = 0;
  const int ok = SSL_write_ex(state_->ssl.get(), data.data(), data.size(), &written);
  if (ok == 1) return written;
  const int error = SSL_get_error(state_->ssl.get(), ok);
  if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return size_t{0};
  return state_->failure(error, "writing");
}

}  // namespace sjcp::io
