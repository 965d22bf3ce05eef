#include "core/crypto/aead.h"

#include <sodium.h>

#include <algorithm>

#include "core/crypto/evp_aead.h"
#include "core/crypto/hash.h"

namespace sjcp::crypto {
namespace {

void ready_sodium() {
  static const int rc = sodium_init();  // selects the fast implementations
  require(rc >= 0);
}

uint8_t* bytes_of(std::string& s) {
  return reinterpret_cast<uint8_t*>(s.data());
}

Error unknown_suite(CipherSuite suite) {
  return make_error(Errc::kUnsupported, "cipher suite " + std::to_string(static_cast<int32_t>(suite)));
}

}  // namespace

Nonce random_nonce() {
  Nonce nonce;
  random_bytes(nonce);
  return nonce;
}

std::optional<Nonce> nonce_from(ByteView bytes) {
  Nonce nonce{};
  if (bytes.empty()) return nonce;
  if (bytes.size() != kNonceSize) return std::nullopt;
  std::memcpy(nonce.data(), bytes.data(), kNonceSize);
  return nonce;
}

Result<std::string> seal(CipherSuite suite, const Key& key, const Nonce& nonce, ByteView plain) {
  if (suite == CipherSuite::kNull) return plain.str();
  if (suite != CipherSuite::kAesGcm && suite != CipherSuite::kSecretBox) return unknown_suite(suite);
  if (plain.empty()) return std::string();

  std::string out(plain.size() + kTagSize, '\0');
  if (suite == CipherSuite::kAesGcm) {
    EvpAead(aes_256_gcm(), key.view().data()).seal(nonce.data(), {}, {plain}, {bytes_of(out), out.size()});
  } else {
    ready_sodium();
    require(crypto_secretbox_easy(bytes_of(out), plain.data(), plain.size(), nonce.data(),
                                  key.view().data()) == 0);
  }
  return out;
}

Result<std::string> open(CipherSuite suite, const Key& key, const Nonce& nonce, ByteView sealed) {
  if (suite == CipherSuite::kNull) return sealed.str();
  if (suite != CipherSuite::kAesGcm && suite != CipherSuite::kSecretBox) return unknown_suite(suite);
  if (sealed.empty()) return std::string();
  auto failed = [] { return make_error(Errc::kIntegrity, "decryption failed"); };
  if (sealed.size() < kTagSize) return failed();

  std::string out(sealed.size() - kTagSize, '\0');
  if (suite == CipherSuite::kAesGcm) {
    EvpAead cipher(aes_256_gcm(), key.view().data());
    if (!cipher.open(nonce.data(), {}, sealed, {bytes_of(out), out.size()})) return failed();
  } else {
    ready_sodium();
    if (crypto_secretbox_open_easy(bytes_of(out), sealed.data(), sealed.size(), nonce.data(),
                                   key.view().data()) != 0) {
      return failed();
    }
  }
  return out;
}

void nonce_add(Nonce& nonce, uint64_t n, size_t width) {
  uint64_t carry = 0;
  for (size_t i = 0; i < width; ++i) {
    carry += nonce[i] + (n & 0xff);
    n >>= 8;
    nonce[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
}

struct BlockCipher::State {
  CipherSuite suite;
  Nonce start;
  Key key;
  std::optional<EvpAead> gcm;

  Nonce nonce(uint64_t block) const {
    Nonce result = start;
    nonce_add(result, block, suite == CipherSuite::kAesGcm ? EvpAead::kNonceSize : kNonceSize);
    return result;
  }
};

BlockCipher::BlockCipher(CipherSuite suite, const Key& key, const Nonce& start)
    : state_(std::make_unique<State>(State{suite, start, key, std::nullopt})) {
  require(suite == CipherSuite::kNull || suite == CipherSuite::kAesGcm || suite == CipherSuite::kSecretBox);
  if (suite == CipherSuite::kAesGcm) state_->gcm.emplace(aes_256_gcm(), key.view().data());
  if (suite == CipherSuite::kSecretBox) ready_sodium();
}

BlockCipher::~BlockCipher() = default;
BlockCipher::BlockCipher(BlockCipher&&) noexcept = default;
BlockCipher& BlockCipher::operator=(BlockCipher&&) noexcept = default;

size_t BlockCipher::overhead() const {
  return state_->suite == CipherSuite::kNull ? 0 : kTagSize;
}

void BlockCipher::seal_block(uint64_t block, ByteView in, ByteSpan out) {
  require(out.size() == in.size() + overhead());
  if (state_->suite == CipherSuite::kNull) {
    if (!in.empty()) std::memmove(out.data(), in.data(), in.size());
    return;
  }
  Nonce nonce = state_->nonce(block);
  if (state_->gcm) return state_->gcm->seal(nonce.data(), {}, {in}, out);
  require(crypto_secretbox_easy(out.data(), in.data(), in.size(), nonce.data(), state_->key.view().data()) ==
          0);
}

bool BlockCipher::open_block(uint64_t block, ByteView in, ByteSpan out) {
  if (in.size() < overhead() || out.size() != in.size() - overhead()) return false;
  if (state_->suite == CipherSuite::kNull) {
    if (!in.empty()) std::memmove(out.data(), in.data(), in.size());
    return true;
  }
  Nonce nonce = state_->nonce(block);
  if (state_->gcm) return state_->gcm->open(nonce.data(), {}, in, out);
  return crypto_secretbox_open_easy(out.data(), in.data(), in.size(), nonce.data(),
                                    state_->key.view().data()) == 0;
}

}  // namespace sjcp::crypto
