#include "net/io/tls_library.h"

#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "net/io/openssl_ptr.h"
#include "tests/support/catch.h"

using namespace sjcp::io;

namespace {

size_t decoders(OSSL_LIB_CTX* library) {
  size_t count = 0;
  const auto one_more = [](OSSL_DECODER*, void* counted) { ++*static_cast<size_t*>(counted); };
  OSSL_DECODER_do_all_provided(library, one_more, &count);
  return count;
}

// A key as certificates have it.
std::string public_key_der(const char* type, const auto&... kind) {
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, type, kind...));
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key.get(), &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(std::max(size, 0)));
  OPENSSL_free(bytes);
  return der;
}

KeyPtr read_key(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return KeyPtr(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(der.size()), tls_library(), nullptr));
}

}  // namespace

TEST_CASE("The library of TLS reads the keys that peers have, with few decoders") {
  REQUIRE(tls_library() != nullptr);
  CHECK(decoders(tls_library()) == 3);
  CHECK(decoders(nullptr) > 10);
  const KeyPtr ec = read_key(public_key_der("EC", "P-256"));
  REQUIRE(ec);
  CHECK(EVP_PKEY_is_a(ec.get(), "EC") == 1);
  const KeyPtr rsa = read_key(public_key_der("RSA", size_t{2048}));
  REQUIRE(rsa);
  CHECK(EVP_PKEY_is_a(rsa.get(), "RSA") == 1);
  ERR_clear_error();
}

TEST_CASE("The library of TLS takes everything else from the default provider") {
  for (const char* name : {"AES-128-GCM", "ChaCha20-Poly1305"}) {
    const std::unique_ptr<EVP_CIPHER, Freer<EVP_CIPHER_free>> cipher(
        EVP_CIPHER_fetch(tls_library(), name, "provider=default"));
    CHECK(cipher != nullptr);
  }
  const SslCtxPtr context(SSL_CTX_new_ex(tls_library(), nullptr, TLS_client_method()));
  REQUIRE(context);
  CHECK(SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384") == 1);
}
