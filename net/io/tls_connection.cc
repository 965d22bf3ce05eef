#include "net/io/tls_connection.h"

#include "net/io/openssl_ptr.h"
#include "net/io/peer_check.h"
#include "net/io/peer_socket.h"

namespace sjcp::io {

namespace {

// The descriptor as OpenSSL sees it.
struct SocketEnd {
  std::unique_ptr<PeerSocket> owned;
  PeerSocket& socket = *owned;
  bool more = false;  // more will be written soon
};

int bio_write(BIO* bio, const char* data, int size) {
  auto& end = *static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = end.socket.send(data, static_cast<size_t>(size), end.more);
  if (sent < 0 && !end.socket.broken()) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  auto& socket = static_cast<SocketEnd*>(BIO_get_data(bio))->socket;
  BIO_clear_retry_flags(bio);
  const ssize_t received = socket.receive(data, static_cast<size_t>(size));
  if (received < 0 && !socket.broken()) BIO_set_retry_read(bio);
  return static_cast<int>(received);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<SocketEnd*>(BIO_get_data(bio))->socket.eof() ? 1 : 0;
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

}  // namespace

struct TlsConnection::State {
  State(std::shared_ptr<const TlsContext> shared, std::unique_ptr<PeerSocket> socket)
      : context(std::move(shared)), end{std::move(socket)} {}

  std::shared_ptr<const TlsContext> context;
  SocketEnd end;
  PeerCheck check;
  SslPtr ssl;  // ends before what it reads and writes
  bool connected = false;
  bool drained = false;  // the last read used up everything that had arrived

  const std::string& name() const { return end.socket.name(); }
  Status start(bool server);
  Error failure(int ssl_error, const char* doing);
};

Status TlsConnection::State::start(bool server) {
  ssl.reset(SSL_new(context->native()));
  BIO* bio = BIO_new(socket_method());
  if (ssl == nullptr || bio == nullptr) {
    BIO_free(bio);
    return make_error(Errc::kInternal, name() + ": cannot make a TLS connection: " + openssl_reason());
  }
  BIO_set_data(bio, &end);
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
    return make_error(check.refusal->code, name() + ": " + check.refusal->what);
  }
  if (end.socket.broken() || end.socket.eof() || ssl_error == SSL_ERROR_ZERO_RETURN) {
    ERR_clear_error();
    return end.socket.failure(doing);
  }
  return make_error(Errc::kNetwork, name() + ": TLS failed during " + doing + ": " + openssl_reason());
}

TlsConnection::TlsConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsConnection::~TlsConnection() = default;

Result<std::unique_ptr<TlsConnection>> TlsConnection::dial(std::shared_ptr<const TlsContext> context,
                                                           const Endpoint& endpoint,
                                                           const access::NodeId& expected,
                                                           std::string_view preamble) {
  auto socket = PeerSocket::dial(endpoint, expected, preamble);
  if (!socket) return std::move(socket).error();
  auto state = std::make_unique<State>(std::move(context), std::move(*socket));
  state->check.expected = expected;
  if (Status status = state->start(false); !status) return status.error();
  return std::unique_ptr<TlsConnection>(new TlsConnection(std::move(state)));
}

Result<std::unique_ptr<TlsConnection>> TlsConnection::accept(std::shared_ptr<const TlsContext> context,
                                                             int fd) {
  auto state = std::make_unique<State>(std::move(context), PeerSocket::accept(fd));
  if (Status status = state->start(true); !status) return status.error();
  return std::unique_ptr<TlsConnection>(new TlsConnection(std::move(state)));
}

bool TlsConnection::reached() const {
  return state_->end.socket.reached();
}

int TlsConnection::fd() const {
  return state_->end.socket.fd();
}
const std::string& TlsConnection::name() const {
  return state_->name();
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

Result<TlsConnection::ReadResult> TlsConnection::read(ByteSpan scratch) {
  ERR_clear_error();
  ReadResult result;
  size_t bytes = 0;
  const int ok = SSL_read_ex(state_->ssl.get(), scratch.data(), scratch.size(), &bytes);
  state_->drained = ok != 1;
  if (ok == 1) {
    result.data = ByteView(scratch).sub(0, bytes);
    return result;
  }
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
  state_->end.more = more || data.size() > kRecordSize;
  size_t written = 0;
  const int ok = SSL_write_ex(state_->ssl.get(), data.data(), data.size(), &written);
  if (ok == 1) return written;
  const int error = SSL_get_error(state_->ssl.get(), ok);
  if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return size_t{0};
  return state_->failure(error, "writing");
}

}  // namespace sjcp::io
