#include "core/crypto/hash.h"

#include <argon2.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <new>

#include "core/crypto/openssl.h"

namespace sjcp::crypto {
namespace {

// Fetched once: EVP_sha256() would be looked up by name again at every init.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(md != nullptr);
  return md;
}

// An HMAC context that knows its digest and holds a key of zeros.  A copy of it needs only the real key, so
// no call pays for look-ups and no key stays behind in a long-lived context.
EVP_MAC_CTX* hmac_template(const char* digest) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  require(mac != nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  require(context != nullptr);
  char name[16];
  OPENSSL_strlcpy(name, digest, sizeof name);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};
  const uint8_t zeros[32] = {};
  require(EVP_MAC_init(context, zeros, sizeof zeros, params) == 1);
  return context;
}

void hmac(const EVP_MAC_CTX* from, ByteView key, ByteView message, ByteSpan out) {
  MacContext context(EVP_MAC_CTX_dup(from));
  require(context != nullptr);
  // A null key would mean "keep the key", so that an empty one needs an address too.
  const uint8_t none = 0;
  require(EVP_MAC_init(context.get(), key.empty() ? &none : key.data(), key.size(), nullptr) == 1);
  require(EVP_MAC_update(context.get(), message.data(), message.size()) == 1);
  size_t written = 0;
  require(EVP_MAC_final(context.get(), out.data(), &written, out.size()) == 1 && written == out.size());
}

}  // namespace

Sha256Digest sha256(ByteView data) {
  Sha256Digest out;
  require(EVP_Digest(data.data(), data.size(), out.data(), nullptr, sha256_algorithm(), nullptr) == 1);
  return out;
}

Sha256Digest hmac_sha256(ByteView key, ByteView message) {
  static const EVP_MAC_CTX* const context = hmac_template("SHA256");
  Sha256Digest out;
  hmac(context, key, message, out);
  return out;
}

std::array<uint8_t, 64> hmac_sha512(ByteView key, ByteView message) {
  static const EVP_MAC_CTX* const context = hmac_template("SHA512");
  std::array<uint8_t, 64> out;
  hmac(context, key, message, out);
  return out;
}

Blake2bDigest blake2b(std::initializer_list<ByteView> parts) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr);
  const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  for (const ByteView part : parts) require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Blake2bDigest out;
  require(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

Blake2bDigest hmac_blake2b(ByteView key, ByteView message) {
  static const EVP_MAC_CTX* const context = hmac_template("BLAKE2B-512");
  Blake2bDigest out;
  hmac(context, key, message, out);
  return out;
}

struct Sha256::State {
  DigestContext context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context && EVP_DigestInit_ex2(state_->context.get(), sha256_algorithm(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView data) {
  require(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

Sha256Digest Sha256::finish() {
  Sha256Digest out;
  require(EVP_DigestFinal_ex(state_->context.get(), out.data(), nullptr) == 1);
  return out;
}

Key derive_key(const Key& key, ByteView message) {
  auto mac = hmac_sha512(key.view(), message);
  Key derived = *Key::from(ByteView(mac.data(), Key::kSize));
  OPENSSL_cleanse(mac.data(), mac.size());
  return derived;
}

Key root_key_from_passphrase(ByteView passphrase, ByteView salt, ByteView path, uint32_t lanes) {
  auto mixed = hmac_sha256(passphrase, salt);
  auto path_salt = hmac_sha256(mixed, path);

  Key root;
  argon2_context context{};
  context.out = root.span().data();
  context.outlen = Key::kSize;
  // libargon2 takes mutable pointers and writes to them only when asked to clear the input.
  context.pwd = const_cast<uint8_t*>(passphrase.data());
  context.pwdlen = static_cast<uint32_t>(passphrase.size());
  context.salt = path_salt.data();
  context.saltlen = static_cast<uint32_t>(path_salt.size());
  context.t_cost = 1;
  context.m_cost = 64 * 1024;
  context.lanes = lanes;
  context.threads = lanes;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;

  int rc = argon2_ctx(&context, Argon2_id);
  if (rc == ARGON2_THREAD_FAIL) {  // lanes decide the result, threads only its speed
    context.threads = 1;
    rc = argon2_ctx(&context, Argon2_id);
  }
  OPENSSL_cleanse(mixed.data(), mixed.size());
  if (rc == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  require(rc == ARGON2_OK);
  return root;
}

void random_bytes(ByteSpan out) {
  constexpr size_t kStep = 1 << 20;  // RAND_bytes counts in int
  for (size_t at = 0; at < out.size(); at += kStep) {
    size_t n = std::min(kStep, out.size() - at);
    require(RAND_bytes(out.data() + at, static_cast<int>(n)) == 1);
  }
}

std::string random_string(size_t n) {
  std::string out(n, '\0');
  random_bytes({reinterpret_cast<uint8_t*>(out.data()), out.size()});
  return out;
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace sjcp::crypto
