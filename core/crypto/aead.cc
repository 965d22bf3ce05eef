#include "core/crypto/aead.h"

#include <sodium.h>

#include <algorithm>

#include "core/crypto/gcm_provider.h"
#include "core/crypto/hash.h"
#include "core/crypto/openssl.h"

namespace sjcp::crypto {
namespace {

constexpr size_t kGcmNonceSize = 12;
constexpr size_t kMaxUpdate = size_t{1} << 30;  // EVP counts in int

// Fetched once: EVP_aes_256_gcm() would be looked up by name again at every init.
const EVP_CIPHER* gcm_algorithm() {
  static EVP_CIPHER* const cipher = [] {
    prefer_vector_gcm();
    return EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  }();
  require(cipher != nullptr);
  return cipher;
}

void ready_sodium() {
  static const int rc = sodium_init();  // selects the fast implementations
  require(rc >= 0);
}

// An AES-256-GCM context bound to one key.  Between messages only the nonce changes: the key schedule and the
// hash tables stay.
class Gcm {
 public:
  explicit Gcm(const Key& key) : context_(EVP_CIPHER_CTX_new()) {
    require(context_ &&
            EVP_CipherInit_ex2(context_.get(), gcm_algorithm(), key.view().data(), nullptr, 1, nullptr) == 1);
  }

  void seal(const uint8_t* nonce, ByteView in, ByteSpan out) {
    start(nonce, 1);
    update(in, out.data());
    int ignored = 0;
    require(EVP_EncryptFinal_ex(context_.get(), out.data() + in.size(), &ignored) == 1);
    require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + in.size()) ==
            1);
  }

  bool open(const uint8_t* nonce, ByteView in, ByteSpan out) {
    start(nonce, 0);
    // A copy, because the tag is read at the end, after an update in place.
    uint8_t tag[kTagSize];
    std::memcpy(tag, in.data() + out.size(), kTagSize);
    update(in.sub(0, out.size()), out.data());
    require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag) == 1);
    int ignored = 0;
    uint8_t none[kTagSize];
    return EVP_DecryptFinal_ex(context_.get(), none, &ignored) == 1;
  }

 private:
  void start(const uint8_t* nonce, int encrypt) {
    require(EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce, encrypt, nullptr) == 1);
  }

  void update(ByteView in, uint8_t* out) {
    for (size_t at = 0; at < in.size(); at += kMaxUpdate) {
      int n = static_cast<int>(std::min(kMaxUpdate, in.size() - at));
      int written = 0;
      require(EVP_CipherUpdate(context_.get(), out + at, &written, in.data() + at, n) == 1 && written == n);
    }
  }

  CipherContext context_;
};

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
    Gcm(key).seal(nonce.data(), plain, {bytes_of(out), out.size()});
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
    if (!Gcm(key).open(nonce.data(), sealed, {bytes_of(out), out.size()})) return failed();
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
  std::optional<Gcm> gcm;

  Nonce nonce(uint64_t block) const {
    Nonce result = start;
    nonce_add(result, block, suite == CipherSuite::kAesGcm ? kGcmNonceSize : kNonceSize);
    return result;
  }
};

BlockCipher::BlockCipher(CipherSuite suite, const Key& key, const Nonce& start)
    : state_(std::make_unique<State>(State{suite, start, key, std::nullopt})) {
  require(suite == CipherSuite::kNull || suite == CipherSuite::kAesGcm || suite == CipherSuite::kSecretBox);
  if (suite == CipherSuite::kAesGcm) state_->gcm.emplace(key);
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
  if (state_->gcm) return state_->gcm->seal(nonce.data(), in, out);
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
  if (state_->gcm) return state_->gcm->open(nonce.data(), in, out);
  return crypto_secretbox_open_easy(out.data(), in.data(), in.size(), nonce.data(),
                                    state_->key.view().data()) == 0;
}

}  // namespace sjcp::crypto
