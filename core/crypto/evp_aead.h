// An AEAD cipher of OpenSSL with a 12-byte nonce and a 16-byte tag behind the text, bound to one key.  For
// the sources of this room only.
//
// Between messages only the nonce changes: the key schedule and what was computed from it stay.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>

#include "core/base/bytes.h"
#include "core/crypto/gcm_provider.h"
#include "core/crypto/openssl.h"

namespace sjcp::crypto {

inline const EVP_CIPHER* fetch_cipher(const char* name) {
  prefer_vector_gcm();
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  require(cipher != nullptr);
  return cipher;
}

// Fetched once: EVP_aes_256_gcm() would be looked up by name again at every init.
inline const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = fetch_cipher("AES-256-GCM");
  return cipher;
}
inline const EVP_CIPHER* aes_128_gcm() {
  static const EVP_CIPHER* const cipher = fetch_cipher("AES-128-GCM");
  return cipher;
}
inline const EVP_CIPHER* chacha20_poly1305() {
  static const EVP_CIPHER* const cipher = fetch_cipher("ChaCha20-Poly1305");
  return cipher;
}

class EvpAead {
 public:
  static constexpr size_t kNonceSize = 12;
  static constexpr size_t kTagSize = 16;

  // `key`: as many bytes as the cipher has.
  EvpAead(const EVP_CIPHER* cipher, const uint8_t* key) : context_(EVP_CIPHER_CTX_new()) {
    require(context_ && EVP_CipherInit_ex2(context_.get(), cipher, key, nullptr, 1, nullptr) == 1);
  }

  // The parts as one text.  out.size() == that of all parts + kTagSize.
  void seal(const uint8_t* nonce, ByteView associated, std::initializer_list<ByteView> parts, ByteSpan out) {
    start(nonce, associated, 1);
    size_t at = 0;
    for (ByteView part : parts) {
      update(part, out.data() + at);
      at += part.size();
    }
    int ignored = 0;
    require(EVP_EncryptFinal_ex(context_.get(), out.data() + at, &ignored) == 1);
    require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + at) == 1);
  }

  // out.size() == in.size() - kTagSize; both may start at the same address.  False: the tag does not verify.
  [[nodiscard]] bool open(const uint8_t* nonce, ByteView associated, ByteView in, ByteSpan out) {
    start(nonce, associated, 0);
    // A copy, because the tag is read at the end, after an update in place.
    std::array<uint8_t, kTagSize> tag;
    std::copy_n(in.data() + out.size(), kTagSize, tag.begin());
    update(in.sub(0, out.size()), out.data());
    require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1);
    int ignored = 0;
    std::array<uint8_t, kTagSize> none;
    return EVP_DecryptFinal_ex(context_.get(), none.data(), &ignored) == 1;
  }

 private:
  static constexpr size_t kMaxUpdate = size_t{1} << 30;  // EVP counts in int

  void start(const uint8_t* nonce, ByteView associated, int encrypt) {
    require(EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce, encrypt, nullptr) == 1);
    update(associated, nullptr);
  }

  // Without `out` the bytes are only authenticated.
  void update(ByteView in, uint8_t* out) {
    for (size_t at = 0; at < in.size(); at += kMaxUpdate) {
      const int n = static_cast<int>(std::min(kMaxUpdate, in.size() - at));
      int written = 0;
      require(EVP_CipherUpdate(context_.get(), out == nullptr ? nullptr : out + at, &written, in.data() + at,
                               n) == 1 &&
              written == n);
    }
  }

  CipherContext context_;
};

}  // namespace sjcp::crypto
