#include "net/io/tls_connection.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/crypto/tls_sealing.h"
#include "net/io/openssl_ptr.h"
#include "net/io/peer_check.h"
#include "net/io/peer_socket.h"

namespace sjcp::io {

namespace {

using crypto::TlsSealing;

static_assert(kRecordSize == TlsSealing::kMostData);
// Sealed and sent at once.
constexpr size_t kMostRecords = 4;
constexpr size_t kBatchSize = kMostRecords * (kRecordSize + TlsSealing::kOverhead) + TlsSealing::kRenewalSize;

// The descriptor as OpenSSL sees it.
struct SocketEnd {
  std::unique_ptr<PeerSocket> owned;
  PeerSocket& socket = *owned;
  bool more = false;  // more will be written soon
  // Its keys seal records elsewhere: what it would still say, alerts and answers to KeyUpdate, goes nowhere.
  bool mute = false;
};

int bio_write(BIO* bio, const char* data, int size) {
  auto& end = *static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (end.mute) return size;
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

  std::unique_ptr<TlsSealing> sealing;  // null: OpenSSL seals
  std::vector<uint8_t> unsent;          // sealed, and not taken by the socket
  size_t unsent_for = 0;                // bytes of data in it

  const std::string& name() const { return end.socket.name(); }
  Status start(bool server);
  void take_over_sealing();
  ByteView seal(ByteView data, ByteSpan out);
  Result<size_t> write_sealed(ByteView data, bool more);
  Result<size_t> write_by_openssl(ByteView data, bool more);
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

// libssl copies what it is to seal, and hands each record to the kernel by itself.
void TlsConnection::State::take_over_sealing() {
  if (!check.secret.empty() && SSL_version(ssl.get()) == TLS1_3_VERSION) {
    sealing = TlsSealing::create(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl.get())), check.secret);
    end.mute = sealing != nullptr;
  }
  OPENSSL_cleanse(check.secret.data(), check.secret.size());
  check.secret.clear();
}

// Seals as much of the data as is sent at once: unsent_for bytes.  Returns the part of `out` that is used.
ByteView TlsConnection::State::seal(ByteView data, ByteSpan out) {
  size_t size = 0;
  const auto room = [&](size_t bytes) {
    size += bytes;
    return out.subspan(size - bytes, bytes);
  };
  unsent_for = std::min(data.size(), kMostRecords * kRecordSize);
  for (size_t at = 0; at < unsent_for; at += kRecordSize) {
    // What the peer asks for is done first: then nothing is due, and there is one renewal at most.
    if (std::exchange(check.new_keys, false) || sealing->renewal_due()) {
      sealing->renew(room(TlsSealing::kRenewalSize));
    }
    const ByteView part = data.sub(at, std::min(kRecordSize, unsent_for - at));
    sealing->seal(part, room(part.size() + TlsSealing::kOverhead));
  }
  return out.first(size);
}

Result<size_t> TlsConnection::State::write_sealed(ByteView data, bool more) {
  // Hot between sealing and sending, and of no connection's own.
  std::array<uint8_t, kBatchSize> records;
  const ByteView out = unsent.empty() ? seal(data, records) : ByteView(unsent);
  const ssize_t sent = end.socket.send(out.data(), out.size(), more || data.size() > unsent_for);
  if (sent < 0 && end.socket.broken()) return end.socket.failure("writing");
  const ByteView rest = out.sub(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  if (sent >= 0 || unsent.empty()) unsent = std::vector<uint8_t>(rest.begin(), rest.end());
  return rest.empty() ? unsent_for : 0;
}

Result<size_t> TlsConnection::State::write_by_openssl(ByteView data, bool more) {
  ERR_clear_error();
  end.more = more || data.size() > kRecordSize;
  size_t written = 0;
  const int ok = SSL_write_ex(ssl.get(), data.data(), data.size(), &written);
  if (ok == 1) return written;
  const int error = SSL_get_error(ssl.get(), ok);
  if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return size_t{0};
  return failure(error, "writing");
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
    state_->take_over_sealing();
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
  return state_->sealing ? state_->write_sealed(data, more) : state_->write_by_openssl(data, more);
}

}  // namespace sjcp::io
