#include "core/crypto/tls_sealing.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/crypto/openssl.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::crypto;

namespace {

using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freed<SSL_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

std::string sealed(TlsSealing& sealing, ByteView data) {
  std::string out(data.size() + TlsSealing::kOverhead, '\0');
  sealing.seal(data, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
  return out;
}

std::string renewal(TlsSealing& sealing) {
  std::string out(TlsSealing::kRenewalSize, '\0');
  sealing.renew({reinterpret_cast<uint8_t*>(out.data()), out.size()});
  return out;
}

// A client and a server of libssl that have made a handshake, and the client's secret.
struct Session {
  explicit Session(const char* suites) : context(SSL_CTX_new(TLS_method())) {
    const Pkey key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    X509_set_pubkey(certificate.get(), key.get());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
    REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
    REQUIRE(SSL_CTX_set_ciphersuites(context.get(), suites) == 1);
    SSL_CTX_set_app_data(context.get(), this);
    SSL_CTX_set_keylog_callback(context.get(), [](const SSL* ssl, const char* line) {
      const std::string_view text = line;
      if (!text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) return;
      static_cast<Session*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->secret =
          *from_hex(text.substr(text.rfind(' ') + 1));
    });
    client.reset(SSL_new(context.get()));
    server.reset(SSL_new(context.get()));
    SSL_set_connect_state(client.get());
    SSL_set_accept_state(server.get());
    BIO* near = nullptr;
    BIO* far = nullptr;
    REQUIRE(BIO_new_bio_pair(&near, 1 << 20, &far, 1 << 20) == 1);
    SSL_set_bio(client.get(), near, near);
    SSL_set_bio(server.get(), far, far);
    for (int turn = 0; turn < 4; ++turn) {
      SSL_do_handshake(client.get());
      SSL_do_handshake(server.get());
    }
    REQUIRE(SSL_is_init_finished(client.get()));
    REQUIRE(SSL_is_init_finished(server.get()));
    ERR_clear_error();
  }

  void send(ByteView records) {
    REQUIRE(BIO_write(SSL_get_wbio(client.get()), records.data(), static_cast<int>(records.size())) ==
            static_cast<int>(records.size()));
  }
  // What the server finds in them, up to the first that does not open.
  std::string received() {
    std::string all;
    std::string part(20000, '\0');
    size_t size = 0;
    while (SSL_read_ex(server.get(), part.data(), part.size(), &size) == 1) all += part.substr(0, size);
    return all;
  }
  uint16_t suite() const { return SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(client.get())); }

  Context context;
  Connection client;
  Connection server;
  std::string secret;
};

std::string text(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 131 >> 4);
  return out;
}

}  // namespace

// RFC 8448, 3: the client's application data.
TEST_CASE("a record of the RFC's session is sealed as it is there") {
  const auto secret = *from_hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
  const auto sealing = TlsSealing::create(0x1301, secret);
  REQUIRE(sealing);
  std::string data(50, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i);
  CHECK(to_hex(sealed(*sealing, data)) ==
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
        "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
}

TEST_CASE("a peer opens what is sealed, in order, also after new keys") {
  Session session(
      GENERATE("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"));
  const auto sealing = TlsSealing::create(session.suite(), session.secret, 4);
  REQUIRE(sealing);
  std::string sent;
  unsigned renewals = 0;
  for (const size_t size : {size_t{1}, size_t{0}, TlsSealing::kMostData, size_t{15}, size_t{17},
                            size_t{16383}, size_t{4096}, size_t{1}, TlsSealing::kMostData, size_t{333}}) {
    if (sealing->renewal_due()) {
      session.send(renewal(*sealing));
      ++renewals;
    }
    const std::string data = text(size);
    session.send(sealed(*sealing, data));
    sent += data;
  }
  // Of four records under one key the last is the renewal.
  CHECK(renewals == 3);
  CHECK(session.received() == sent);
}

TEST_CASE("a record that is lost shows") {
  Session session("TLS_AES_128_GCM_SHA256");
  const auto sealing = TlsSealing::create(session.suite(), session.secret);
  session.send(sealed(*sealing, std::string("one")));
  (void)sealed(*sealing, std::string("two"));
  session.send(sealed(*sealing, std::string("three")));
  CHECK(session.received() == "one");
  ERR_clear_error();
}

TEST_CASE("suites and secrets that do not fit each other are refused") {
  const std::string secret(32, 's');
  CHECK(TlsSealing::create(0x1301, secret));
  CHECK(TlsSealing::create(0x1302, std::string(48, 's')));
  CHECK(TlsSealing::create(0x1303, secret));
  CHECK_FALSE(TlsSealing::create(0x1304, secret));
  CHECK_FALSE(TlsSealing::create(0x1301, std::string(48, 's')));
  CHECK_FALSE(TlsSealing::create(0x1302, secret));
  CHECK_FALSE(TlsSealing::create(0x1301, std::string()));
}
