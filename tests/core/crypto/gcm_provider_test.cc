#include "core/crypto/gcm_provider.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/crypto/hash.h"
#include "core/crypto/openssl.h"
#include "core/crypto/vector_gcm.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::crypto;

namespace {

using Algorithm = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;

const char* const kOurs = "provider=sjcp";
const char* const kDefault = "provider=default";

Algorithm fetch(const char* name, const char* properties) {
  return Algorithm(EVP_CIPHER_fetch(nullptr, name, properties));
}

std::string random_text(size_t size) {
  std::string out(size, '\0');
  random_bytes({reinterpret_cast<uint8_t*>(out.data()), size});
  return out;
}

const unsigned char* bytes(const std::string& s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}
unsigned char* bytes(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}

struct Message {
  std::string key, nonce, associated, text;
  std::string tag = std::string(VectorGcm::kTagSize, '\0');
};

// Encrypts or decrypts message.text in parts of `step` bytes, 0 being all at once; false where the tag does
// not verify.
bool pass(const EVP_CIPHER* algorithm, Message& message, bool encrypting, size_t step = 0) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  REQUIRE(EVP_CipherInit_ex2(context.get(), algorithm, bytes(message.key), bytes(message.nonce), encrypting,
                             nullptr) == 1);
  int n = 0;
  const auto feed = [&](unsigned char* out, const std::string& in) {
    const size_t part = step == 0 ? std::max<size_t>(in.size(), 1) : step;
    for (size_t at = 0; at < in.size(); at += part) {
      const int size = static_cast<int>(std::min(part, in.size() - at));
      REQUIRE(EVP_CipherUpdate(context.get(), out == nullptr ? nullptr : out + at, &n, bytes(in) + at,
                               size) == 1);
      REQUIRE(n == size);
    }
  };
  feed(nullptr, message.associated);
  feed(bytes(message.text), message.text);
  const auto tag = [&](int control) {
    REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), control, VectorGcm::kTagSize, message.tag.data()) == 1);
  };
  if (!encrypting) tag(EVP_CTRL_AEAD_SET_TAG);
  unsigned char none[16];
  const bool ok = EVP_CipherFinal_ex(context.get(), none, &n) == 1;
  if (encrypting) tag(EVP_CTRL_AEAD_GET_TAG);
  return ok;
}

// Two ends in memory.  Certificates are not the point, so the server has a key made for the test.
class Ends {
 public:
  Ends(const char* client, const char* server, int version, const char* suite) {
    key_.reset(EVP_EC_gen("P-256"));
    certificate_.reset(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3600);
    X509_set_pubkey(certificate_.get(), key_.get());
    REQUIRE(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
    client_ = make(client, TLS_client_method(), version, suite);
    server_ = make(server, TLS_server_method(), version, suite);
    BIO* near = nullptr;
    BIO* far = nullptr;
    REQUIRE(BIO_new_bio_pair(&near, 1 << 20, &far, 1 << 20) == 1);
    SSL_set_bio(client_.get(), near, near);
    SSL_set_bio(server_.get(), far, far);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
    for (int turn = 0; turn < 10; ++turn) {
      const int one = SSL_do_handshake(client_.get());
      const int other = SSL_do_handshake(server_.get());
      if (one == 1 && other == 1) return;
    }
    FAIL("no handshake");
  }

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }

 private:
  using Connection = std::unique_ptr<SSL, Freed<SSL_free>>;

  Connection make(const char* properties, const SSL_METHOD* method, int version, const char* suite) {
    const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new_ex(nullptr, properties, method));
    REQUIRE(context != nullptr);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    if (version == TLS1_3_VERSION) {
      REQUIRE(SSL_CTX_set_ciphersuites(context.get(), suite) == 1);
    } else {
      REQUIRE(SSL_CTX_set_cipher_list(context.get(), suite) == 1);
    }
    SSL_CTX_use_certificate(context.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context.get(), key_.get());
    return Connection(SSL_new(context.get()));
  }

  std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key_;
  std::unique_ptr<X509, Freed<X509_free>> certificate_;
  Connection client_, server_;
};

std::string carried(SSL* from, SSL* to, const std::string& sent) {
  size_t done = 0;
  REQUIRE(SSL_write_ex(from, sent.data(), sent.size(), &done) == 1);
  REQUIRE(done == sent.size());
  std::string received(sent.size(), '\0');
  for (size_t at = 0; at < received.size(); at += done) {
    if (SSL_read_ex(to, received.data() + at, received.size() - at, &done) != 1)
      return received.substr(0, at);
  }
  return received;
}

}  // namespace

TEST_CASE("where the processor has them, AES-GCM is computed by its widest vectors, and preferred") {
  if (!prefer_vector_gcm()) {
    WARN("no VAES with AVX-512 here, or no library for it");
    return;
  }
  for (const char* name : {"AES-128-GCM", "AES-256-GCM", "id-aes128-GCM", "id-aes256-GCM"}) {
    const Algorithm preferred = fetch(name, nullptr);
    REQUIRE(preferred != nullptr);
    CHECK(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(preferred.get())) == std::string("sjcp"));
  }
  // All else is where it was.
  const Algorithm other = fetch("AES-256-CBC", nullptr);
  REQUIRE(other != nullptr);
  CHECK(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(other.get())) == std::string("default"));
}

TEST_CASE("both providers seal to the same bytes, of any length and in any parts, and open each other's") {
  if (!prefer_vector_gcm()) return;
  for (const char* name : {"AES-128-GCM", "AES-256-GCM"}) {
    const Algorithm ours = fetch(name, kOurs);
    const Algorithm theirs = fetch(name, kDefault);
    for (const size_t size : {0, 1, 15, 16, 17, 255, 256, 257, 767, 4096, 7408, 16384, 70001}) {
      for (const size_t associated : {0, 5, 13, 16, 100, 1000}) {
        for (const size_t step : {0, 1, 7, 48, 1000}) {
          if (step == 1 && size > 5000) continue;
          INFO(name << ", " << size << " bytes beside " << associated << ", parts of " << step);
          Message message{random_text(name[4] == '1' ? 16 : 32), random_text(12), random_text(associated),
                          random_text(size)};
          const std::string plain = message.text;
          Message expected = message;
          REQUIRE(pass(ours.get(), message, true, step));
          REQUIRE(pass(theirs.get(), expected, true));
          REQUIRE(message.text == expected.text);
          REQUIRE(message.tag == expected.tag);
          REQUIRE(pass(ours.get(), message, false, step));
          REQUIRE(message.text == plain);
        }
      }
    }
  }
}

TEST_CASE("a bit that changed anywhere is found") {
  if (!prefer_vector_gcm()) return;
  const Algorithm ours = fetch("AES-256-GCM", kOurs);
  const Message plain{random_text(32), random_text(12), random_text(13), random_text(7408)};
  Message sealed = plain;
  REQUIRE(pass(ours.get(), sealed, true));
  for (std::string Message::* part :
       {&Message::key, &Message::nonce, &Message::associated, &Message::text, &Message::tag}) {
    Message wrong = sealed;
    (wrong.*part).back() = static_cast<char>((wrong.*part).back() ^ 1);
    CHECK_FALSE(pass(ours.get(), wrong, false));
  }
  CHECK(pass(ours.get(), sealed, false));
}

TEST_CASE(
    "a nonce serves one message, and there is no message without one, without a key, or without a tag") {
  if (!prefer_vector_gcm()) return;
  const Algorithm ours = fetch("AES-128-GCM", kOurs);
  const CipherContext context(EVP_CIPHER_CTX_new());
  const std::string key = random_text(16);
  const std::string nonce = random_text(12);
  std::string text = random_text(32);
  int n = 0;
  REQUIRE(EVP_EncryptInit_ex2(context.get(), ours.get(), bytes(key), nullptr, nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context.get(), bytes(text), &n, bytes(text), 32) == 0);
  REQUIRE(EVP_EncryptInit_ex2(context.get(), nullptr, nullptr, bytes(nonce), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context.get(), bytes(text), &n, bytes(text), 32) == 1);
  CHECK(EVP_EncryptFinal_ex(context.get(), bytes(text), &n) == 1);
  CHECK(EVP_EncryptUpdate(context.get(), bytes(text), &n, bytes(text), 32) == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, 16, nullptr) != 1);
  REQUIRE(EVP_DecryptInit_ex2(context.get(), nullptr, nullptr, bytes(nonce), nullptr) == 1);
  CHECK(EVP_DecryptUpdate(context.get(), bytes(text), &n, bytes(text), 32) == 1);
  CHECK(EVP_DecryptFinal_ex(context.get(), bytes(text), &n) != 1);

  const CipherContext keyless(EVP_CIPHER_CTX_new());
  REQUIRE(EVP_EncryptInit_ex2(keyless.get(), ours.get(), nullptr, bytes(nonce), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(keyless.get(), bytes(text), &n, bytes(text), 32) == 0);
}

TEST_CASE("a copy of a context goes on by itself") {
  if (!prefer_vector_gcm()) return;
  const Algorithm ours = fetch("AES-128-GCM", kOurs);
  const std::string key = random_text(16);
  const std::string nonce = random_text(12);
  const std::string plain = random_text(100);
  std::string first(100, '\0');
  std::string second(100, '\0');
  int n = 0;
  const CipherContext one(EVP_CIPHER_CTX_new());
  const CipherContext other(EVP_CIPHER_CTX_new());
  REQUIRE(EVP_EncryptInit_ex2(one.get(), ours.get(), bytes(key), bytes(nonce), nullptr) == 1);
  REQUIRE(EVP_EncryptUpdate(one.get(), bytes(first), &n, bytes(plain), 50) == 1);
  REQUIRE(EVP_CIPHER_CTX_copy(other.get(), one.get()) == 1);
  second.replace(0, 50, first, 0, 50);
  REQUIRE(EVP_EncryptUpdate(one.get(), bytes(first) + 50, &n, bytes(plain) + 50, 50) == 1);
  REQUIRE(EVP_EncryptUpdate(other.get(), bytes(second) + 50, &n, bytes(plain) + 50, 50) == 1);
  CHECK(first == second);
}

TEST_CASE("records of TLS 1.2 that one context seals carry one explicit nonce after the other") {
  if (!prefer_vector_gcm()) return;
  const Algorithm ours = fetch("AES-128-GCM", kOurs);
  const std::string key = random_text(16);
  std::string fixed = random_text(4);
  const CipherContext context(EVP_CIPHER_CTX_new());
  REQUIRE(EVP_EncryptInit_ex2(context.get(), ours.get(), bytes(key), nullptr, nullptr) == 1);
  REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IV_FIXED, 4, fixed.data()) == 1);
  const auto next_nonce = [&] {
    std::string header(13, '\0');
    header[12] = 8 + 32;
    std::string record(8 + 32 + 16, '\0');
    REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_TLS1_AAD, 13, header.data()) == 16);
    int n = 0;
    REQUIRE(EVP_EncryptUpdate(context.get(), bytes(record), &n, bytes(record),
                              static_cast<int>(record.size())) == 1);
    uint64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<uint8_t>(record[static_cast<size_t>(i)]);
    return number;
  };
  const uint64_t first = next_nonce();
  for (uint64_t i = 1; i <= 600; ++i) CHECK(next_nonce() == first + i);
}

TEST_CASE("TLS 1.2 and 1.3 between the two providers carries bytes both ways") {
  if (!prefer_vector_gcm()) return;
  struct Case {
    int version;
    const char* suite;
  };
  for (const Case& each :
       {Case{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"}, Case{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
        Case{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
        Case{TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"}}) {
    for (const auto& [client, server] :
         {std::pair{kOurs, kDefault}, std::pair{kDefault, kOurs}, std::pair{kOurs, kOurs}}) {
      // Where only one provider is named, what it lacks must come from the default one.
      const auto properties = [](const char* name) { return std::string("?") + name; };
      Ends ends(properties(client).c_str(), properties(server).c_str(), each.version, each.suite);
      INFO(SSL_get_cipher(ends.client()) << ", " << client << " to " << server);
      CHECK(SSL_get_cipher(ends.client()) == std::string(each.suite));
      for (const size_t size : {1, 100, 16384, 100000}) {
        const std::string sent = random_text(size);
        CHECK(carried(ends.client(), ends.server(), sent) == sent);
        CHECK(carried(ends.server(), ends.client(), sent) == sent);
      }
    }
  }
}
