#include "net/io/tls_connection.h"

#include <openssl/ssl.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <utility>

#include "tests/net/io/loopback_server.h"
#include "tests/support/catch.h"
#include "tests/support/loopback_listener.h"

using namespace sjcp;
using io::TlsConnection;
using io::TlsContext;
using sjcp::test::handshake;
using sjcp::test::LoopbackServer;
using sjcp::test::new_identity;
using sjcp::test::patience;

namespace {

constexpr const char* kPreamble = "DRPC!!!1";

std::shared_ptr<const TlsContext> client_context() {
  return *TlsContext::client(new_identity());
}

// One read that waits for data; empty at the end of the stream.
Result<std::string> read_some(TlsConnection& connection, const std::stop_token& stop = {}) {
  std::array<uint8_t, 20000> buffer;
  while (true) {
    const auto got = connection.read(buffer);
    if (!got) return got.error();
    if (got->eof) return std::string();
    if (!got->data.empty()) return got->data.str();
    if (Status status = io::wait_ready(connection.fd(), got->wait, patience(), stop); !status)
      return status.error();
  }
}

Status write_all(TlsConnection& connection, ByteView data, const std::stop_token& stop = {}) {
  while (!data.empty()) {
    const auto taken = connection.write(data);
    if (!taken) return taken.error();
    data = data.sub(*taken);
    if (*taken > 0) continue;
    if (Status status = io::wait_ready(connection.fd(), io::Ready::kWantWrite, patience(), stop); !status) {
      return status;
    }
  }
  return {};
}

// Sends back what comes.
void echo(TlsConnection& connection, const std::stop_token& stop) {
  while (true) {
    const auto data = read_some(connection, stop);
    if (!data || data->empty() || !write_all(connection, *data, stop)) return;
  }
}

}  // namespace

TEST_CASE("a handshake with the right id gives a connection that carries bytes both ways") {
  const auto identity = new_identity();
  const auto server_context = *TlsContext::server(identity);
  const bool old_peer = GENERATE(false, true);
  if (old_peer) SSL_CTX_set_max_proto_version(server_context->native(), TLS1_2_VERSION);
  LoopbackServer server(server_context, echo);
  {
    auto connection = TlsConnection::dial(client_context(), server.endpoint(), identity->id(), kPreamble);
    REQUIRE(connection);
    TlsConnection& tls = **connection;
    CHECK_FALSE(tls.connected());
    CHECK(tls.name() == server.address() + " (node " + identity->id().text() + ")");
    REQUIRE(handshake(tls));
    CHECK(tls.connected());
    REQUIRE(tls.peer() != nullptr);
    CHECK(tls.peer()->id() == identity->id());
    REQUIRE(write_all(tls, std::string("hello")));
    const auto reply = read_some(tls);
    REQUIRE(reply);
    CHECK(*reply == "hello");
  }
  server.stop();
  REQUIRE(server.visits().size() == 1);
  CHECK(server.visits()[0].handshake);
  CHECK(server.visits()[0].preamble == kPreamble);
  // The preamble came with the ClientHello, in one segment.
  CHECK(server.visits()[0].first_bytes > 100);
}

TEST_CASE("a megabyte passes through in records") {
  const auto identity = new_identity();
  LoopbackServer server(*TlsContext::server(identity),
                        [](TlsConnection& connection, const std::stop_token& stop) {
                          std::string all;
                          while (all.size() < 1000000) {
                            const auto data = read_some(connection, stop);
                            if (!data || data->empty()) return;
                            all += *data;
                          }
                          (void)write_all(connection, all, stop);
                        });
  auto connection = TlsConnection::dial(client_context(), server.endpoint(), identity->id(), kPreamble);
  REQUIRE(connection);
  TlsConnection& tls = **connection;
  REQUIRE(handshake(tls));
  std::string sent(1000000, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  REQUIRE(write_all(tls, sent));
  std::string received;
  bool buffered = false;
  while (received.size() < sent.size()) {
    const auto data = read_some(tls);
    REQUIRE(data);
    REQUIRE_FALSE(data->empty());
    CHECK(data->size() <= 16384);
    received += *data;
    buffered = buffered || tls.has_buffered();
  }
  CHECK(received == sent);
  CHECK(buffered);
  const auto end = read_some(tls);
  REQUIRE(end);
  CHECK(end->empty());
  CHECK_FALSE(tls.has_buffered());
}

TEST_CASE("every suite carries more than the sockets hold, from wherever the bytes are meanwhile") {
  const auto identity = new_identity();
  const auto context = *TlsContext::server(identity);
  const std::string suite =
      GENERATE("", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256");
  // The old protocol, or a suite of the new.
  if (suite.empty()) {
    SSL_CTX_set_max_proto_version(context->native(), TLS1_2_VERSION);
  } else {
    REQUIRE(SSL_CTX_set_ciphersuites(context->native(), suite.c_str()) == 1);
  }
  std::promise<void> full;
  std::promise<std::string> got;
  LoopbackServer server(context, [&](TlsConnection& connection, const std::stop_token& stop) {
    full.get_future().wait();
    std::string all;
    for (;;) {
      const auto data = read_some(connection, stop);
      if (!data || data->empty()) break;
      all += *data;
    }
    got.set_value(std::move(all));
  });
  std::string sent(24'000'001, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  {
    auto connection = TlsConnection::dial(client_context(), server.endpoint(), identity->id(), kPreamble);
    REQUIRE(connection);
    TlsConnection& tls = **connection;
    REQUIRE(handshake(tls));
    bool waited = false;
    for (size_t at = 0; at < sent.size();) {
      // Another address, and another number of bytes behind those that were offered before.
      const std::string offered = sent.substr(at, 70'000 + at % 1000);
      const auto taken = tls.write(offered, at % 2 == 0);
      REQUIRE(taken);
      REQUIRE(*taken <= offered.size());
      at += *taken;
      if (*taken > 0) continue;
      if (!std::exchange(waited, true)) full.set_value();
      REQUIRE(io::wait_ready(tls.fd(), io::Ready::kWantWrite, patience(), {}));
    }
    CHECK(waited);
    if (!waited) full.set_value();
  }
  CHECK(got.get_future().get() == sent);
}

// RFC 8446, 4.6.3: the peer answers with new keys of its own before it sends more.
TEST_CASE("a peer that asks for new keys gets them, each time") {
  const auto identity = new_identity();
  const test::LoopbackListener listener;
  std::string got;
  unsigned updates = 0;
  std::jthread server([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, identity->leaf());
    SSL_CTX_use_PrivateKey(context, identity->key());
    SSL_CTX_add1_chain_cert(context, identity->ca());
    const int fd = listener.accept();
    char preamble[8];
    (void)::recv(fd, preamble, sizeof preamble, MSG_WAITALL);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    SSL_set_msg_callback_arg(ssl, &updates);
    SSL_set_msg_callback(ssl, [](int sent, int, int type, const void* data, size_t, SSL*, void* count) {
      const bool update = type == SSL3_RT_HANDSHAKE && *static_cast<const char*>(data) == SSL3_MT_KEY_UPDATE;
      if (sent == 0 && update) ++*static_cast<unsigned*>(count);
    });
    char part[16];
    bool good = SSL_accept(ssl) == 1;
    for (int round = 0; good && round < 2; ++round) {
      good = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_write(ssl, "ask", 3) == 3;
      const int size = good ? SSL_read(ssl, part, sizeof part) : 0;
      if (size > 0) got.append(part, static_cast<size_t>(size));
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(fd);
  });
  const auto endpoint = io::resolve(listener.address())->front();
  auto connection = TlsConnection::dial(client_context(), endpoint, identity->id(), kPreamble);
  REQUIRE(connection);
  REQUIRE(handshake(**connection));
  for (const char* answer : {"one", "two"}) {
    const auto data = read_some(**connection);
    INFO(answer << (data ? std::string() : data.error().what));
    REQUIRE(data);
    CHECK(*data == "ask");
    REQUIRE(write_all(**connection, std::string(answer)));
  }
  server.join();
  CHECK(got == "onetwo");
  CHECK(updates == 2);
}

TEST_CASE("a peer with another id is refused before any byte of the application") {
  const auto identity = new_identity();
  const auto expected = new_identity()->id();
  std::atomic<size_t> received = 0;
  LoopbackServer server(*TlsContext::server(identity),
                        [&](TlsConnection& connection, const std::stop_token& stop) {
                          const auto data = read_some(connection, stop);
                          if (data) received += data->size();
                        });
  {
    auto connection = TlsConnection::dial(client_context(), server.endpoint(), expected, kPreamble);
    REQUIRE(connection);
    const Status status = handshake(**connection);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kIntegrity);
    CHECK(status.error().what == server.address() + " (node " + expected.text() +
                                     "): the peer is another node: " + identity->id().text());
    CHECK((*connection)->peer() == nullptr);
  }
  server.stop();
  CHECK(received == 0);
}

TEST_CASE("a peer whose chain does not hold together is refused") {
  const auto identity = new_identity();
  const auto other = new_identity();
  const auto context = *TlsContext::server(identity);
  SSL_CTX_clear_chain_certs(context->native());
  SECTION("without a CA") {}
  SECTION("with the CA of another identity") {
    REQUIRE(SSL_CTX_add1_chain_cert(context->native(), other->ca()) == 1);
  }
  LoopbackServer server(context, echo);
  for (const auto& expected : {identity->id(), other->id()}) {
    auto connection = TlsConnection::dial(client_context(), server.endpoint(), expected, kPreamble);
    REQUIRE(connection);
    const Status status = handshake(**connection);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kIntegrity);
    CHECK(status.error().what.find("certificate chain refused") != std::string::npos);
  }
}

TEST_CASE("a server refuses a client without a certificate chain") {
  LoopbackServer server(*TlsContext::server(new_identity()), echo);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* bio = BIO_new_connect(server.address().c_str());
  REQUIRE(BIO_do_connect(bio) == 1);
  REQUIRE(BIO_write(bio, kPreamble, 8) == 8);
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, bio, bio);
  char byte = 0;
  // With TLS 1.3 the client learns of the refusal when it reads.
  CHECK((SSL_connect(ssl) != 1 || SSL_read(ssl, &byte, 1) <= 0));
  SSL_free(ssl);
  SSL_CTX_free(context);
  server.stop();
  REQUIRE(server.visits().size() == 1);
  CHECK_FALSE(server.visits()[0].handshake);
}

TEST_CASE("the refusal of our chain reaches us as an error when reading") {
  const auto identity = new_identity();
  LoopbackServer server(*TlsContext::server(identity), echo);
  const auto context = client_context();
  SSL_CTX_clear_chain_certs(context->native());
  auto connection = TlsConnection::dial(context, server.endpoint(), identity->id(), kPreamble);
  REQUIRE(connection);
  Status status = handshake(**connection);
  if (status) {
    const auto data = read_some(**connection);
    REQUIRE_FALSE(data);
    status = data.error();
  }
  CHECK(status.error().code == Errc::kNetwork);
  CHECK(status.error().what.starts_with(server.address() + " (node "));
}

TEST_CASE("a refused connection names the address and carries its errno") {
  const auto identity = new_identity();
  io::Endpoint endpoint;
  {
    LoopbackServer server(*TlsContext::server(identity), echo);
    endpoint = server.endpoint();
  }
  auto connection = TlsConnection::dial(client_context(), endpoint, identity->id(), kPreamble);
  const Error error = connection ? handshake(**connection).error() : connection.error();
  CHECK(error.code == Errc::kNetwork);
  CHECK(error.cause == ECONNREFUSED);
  CHECK(error.what.starts_with(endpoint.text + " (node " + identity->id().text() + "): cannot connect: "));
}

TEST_CASE("a peer that closes instead of a handshake is a network error") {
  const test::LoopbackListener listener;
  const auto endpoint = io::resolve(listener.address())->front();
  auto connection = TlsConnection::dial(client_context(), endpoint, new_identity()->id(), kPreamble);
  REQUIRE(connection);
  ::close(listener.accept());
  const Status status = handshake(**connection);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kNetwork);
}

TEST_CASE("writing to a peer that is gone is an error, not a signal") {
  const auto identity = new_identity();
  LoopbackServer server(*TlsContext::server(identity), [](TlsConnection&, const std::stop_token&) {});
  auto connection = TlsConnection::dial(client_context(), server.endpoint(), identity->id(), kPreamble);
  REQUIRE(connection);
  TlsConnection& tls = **connection;
  REQUIRE(handshake(tls));
  server.stop();
  const std::string data(1 << 20, 'x');
  Status status;
  for (int i = 0; i < 100 && status; ++i) status = write_all(tls, data);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kNetwork);
  CHECK((status.error().cause == EPIPE || status.error().cause == ECONNRESET));
}

TEST_CASE("many connections share one context from several threads") {
  const auto identity = new_identity();
  LoopbackServer server(*TlsContext::server(identity), echo);
  const auto context = client_context();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 3; ++round) {
          auto connection = TlsConnection::dial(context, server.endpoint(), identity->id(), kPreamble);
          if (!connection || !handshake(**connection)) continue;
          if (!write_all(**connection, std::string("ping"))) continue;
          const auto reply = read_some(**connection);
          good += reply && *reply == "ping";
        }
      });
    }
  }
  CHECK(good == 12);
}

TEST_CASE("the client prefers X25519 and AES-128-GCM where the processor has AES") {
  const auto identity = new_identity();
  LoopbackServer server(*TlsContext::server(identity), echo);
  const auto context = client_context();
  // The callback takes no argument of ours.
  static std::string chosen;
  SSL_CTX_set_info_callback(context->native(), [](const SSL* ssl, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0) return;
    const int id = static_cast<int>(SSL_get_negotiated_group(const_cast<SSL*>(ssl)));
    chosen = std::string(SSL_get_cipher_name(ssl)) + " " + OBJ_nid2sn(id);
  });
  auto connection = TlsConnection::dial(context, server.endpoint(), identity->id(), kPreamble);
  REQUIRE(connection);
  REQUIRE(handshake(**connection));
  const bool aes = io::crypto_capabilities().find("AES") != std::string::npos;
  CHECK(chosen == (aes ? "TLS_AES_128_GCM_SHA256 X25519" : "TLS_CHACHA20_POLY1305_SHA256 X25519"));
}
