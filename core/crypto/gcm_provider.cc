#include "core/crypto/gcm_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/crypto/vector_gcm.h"

// The calls are those of provider-cipher(7); what TLS 1.2 wants of them is in RFC 5288 and, as controls, in
// EVP_EncryptInit(3).

namespace sjcp::crypto {
namespace {

constexpr size_t kNonceSize = VectorGcm::kNonceSize;
constexpr size_t kTagSize = VectorGcm::kTagSize;
// A record of TLS 1.2: four bytes of the nonce are fixed, eight travel with it.
constexpr size_t kFixedSize = EVP_GCM_TLS_FIXED_IV_LEN;
constexpr size_t kExplicitSize = EVP_GCM_TLS_EXPLICIT_IV_LEN;
constexpr size_t kRecordExtra = kExplicitSize + kTagSize;
constexpr size_t kRecordAadSize = EVP_AEAD_TLS1_AAD_LEN;

// One EVP_CIPHER_CTX.
class Cipher {
 public:
  explicit Cipher(size_t key_size) : key_size_(key_size), gcm_(key_size) {}

  bool start(bool encrypting, ByteView key, ByteView nonce) {
    if (encrypting_ != encrypting) tag_size_ = 0;
    encrypting_ = encrypting;
    record_aad_.reset();
    if (!key.empty()) {
      if (key.size() != key_size_) return false;
      gcm_.set_key(key.data());
      has_key_ = true;
    }
    if (nonce.empty()) return true;
    if (nonce.size() != kNonceSize) return false;
    std::ranges::copy(nonce, nonce_.begin());
    nonce_is_fresh_ = true;
    in_message_ = false;
    associated_.clear();
    return true;
  }

  bool associate(ByteView data) {
    if (in_message_ || !has_key_ || !nonce_is_fresh_) return false;
    associated_.insert(associated_.end(), data.begin(), data.end());
    return true;
  }

  bool update(ByteView in, uint8_t* out) {
    if (!ready()) return false;
    encrypting_ ? gcm_.encrypt(in, out) : gcm_.decrypt(in, out);
    return true;
  }

  // A nonce serves one message.
  bool finish() {
    if (!ready()) return false;
    std::array<uint8_t, kTagSize> computed;
    gcm_.end(encrypting_, computed.data());
    in_message_ = nonce_is_fresh_ = false;
    associated_.clear();
    if (encrypting_) {
      tag_ = computed;
      tag_size_ = kTagSize;
      return true;
    }
    const size_t expected = std::exchange(tag_size_, 0);
    return expected != 0 && CRYPTO_memcmp(computed.data(), tag_.data(), expected) == 0;
  }

  // In place: the explicit nonce, the content, the tag.  Returns the bytes of the record when encrypting,
  // those of the content otherwise.
  std::optional<size_t> record(ByteSpan bytes) {
    const std::optional<RecordAad> aad = std::exchange(record_aad_, std::nullopt);
    if (!aad || !has_key_ || !has_fixed_ || bytes.size() < kRecordExtra) return std::nullopt;
    const ByteSpan explicit_part = bytes.first(kExplicitSize);
    const ByteSpan content = bytes.subspan(kExplicitSize, bytes.size() - kRecordExtra);
    const ByteSpan tag = bytes.last(kTagSize);
    if (encrypting_) {
      std::ranges::copy(invocation(), explicit_part.begin());
      gcm_.seal(nonce_.data(), *aad, content, content, tag.data());
      count_up();
      return bytes.size();
    }
    std::ranges::copy(explicit_part, invocation().begin());
    std::array<uint8_t, kTagSize> computed;
    gcm_.open(nonce_.data(), *aad, content, content, computed.data());
    if (CRYPTO_memcmp(computed.data(), tag.data(), kTagSize) == 0) return content.size();
    OPENSSL_cleanse(content.data(), content.size());
    return std::nullopt;
  }

  // Sets the header that the next record is bound to; its length is that of the record as it is on the wire.
  bool set_record_aad(ByteView header) {
    if (header.size() != kRecordAadSize) return false;
    RecordAad aad;
    std::ranges::copy(header, aad.begin());
    size_t size = static_cast<size_t>(aad[kRecordAadSize - 2]) << 8 | aad[kRecordAadSize - 1];
    const size_t extra = encrypting_ ? kExplicitSize : kRecordExtra;
    if (size < extra) return false;
    size -= extra;
    aad[kRecordAadSize - 2] = static_cast<uint8_t>(size >> 8);
    aad[kRecordAadSize - 1] = static_cast<uint8_t>(size);
    record_aad_ = aad;
    return true;
  }

  // The part of the nonce that all records share; who encrypts counts on from a random number in the rest.
  bool set_fixed(ByteView part) {
    if (part.size() != kFixedSize) return false;
    std::ranges::copy(part, nonce_.begin());
    if (encrypting_ && RAND_bytes(invocation().data(), kExplicitSize) != 1) return false;
    has_fixed_ = true;
    return true;
  }

  bool set_tag(ByteView tag) {
    if (tag.empty() || tag.size() > kTagSize || encrypting_) return false;
    std::ranges::copy(tag, tag_.begin());
    tag_size_ = tag.size();
    return true;
  }

  ByteView tag() const { return ByteView(tag_.data(), encrypting_ && !in_message_ ? tag_size_ : 0); }
  ByteView nonce() const { return nonce_; }
  size_t key_size() const { return key_size_; }
  bool wants_record() const { return record_aad_.has_value(); }

 private:
  using RecordAad = std::array<uint8_t, kRecordAadSize>;

  bool ready() {
    if (in_message_) return true;
    if (!has_key_ || !nonce_is_fresh_) return false;
    gcm_.begin(nonce_.data(), associated_);
    in_message_ = true;
    return true;
  }

  ByteSpan invocation() { return ByteSpan(nonce_).subspan(kFixedSize); }
  void count_up() {
    for (size_t i = kNonceSize; i-- > kFixedSize;) {
      if (++nonce_[i] != 0) return;
    }
  }

  const size_t key_size_;
  VectorGcm gcm_;
  std::array<uint8_t, kNonceSize> nonce_{};
  std::array<uint8_t, kTagSize> tag_{};
  size_t tag_size_ = 0;  // 0: none
  Bytes associated_;
  std::optional<RecordAad> record_aad_;
  bool encrypting_ = false;
  bool has_key_ = false;
  bool nonce_is_fresh_ = false;
  bool in_message_ = false;
  bool has_fixed_ = false;
};

Cipher& self(void* context) {
  return *static_cast<Cipher*>(context);
}

template <size_t key_size>
void* make(void*) {
  return new Cipher(key_size);
}

void destroy(void* context) {
  delete static_cast<Cipher*>(context);
}

void* duplicate(void* context) {
  return new Cipher(self(context));
}

int set_context_params(void* context, const OSSL_PARAM params[]) {
  Cipher& cipher = self(context);
  for (const OSSL_PARAM* param = params; param != nullptr && param->key != nullptr; ++param) {
    const auto is = [&](const char* name) { return std::strcmp(param->key, name) == 0; };
    const ByteView bytes(static_cast<const uint8_t*>(param->data), param->data_size);
    size_t number = 0;
    bool ok = true;
    if (is(OSSL_CIPHER_PARAM_AEAD_TAG)) {
      // Without a value it is the size that the tag shall have when it is asked for.
      ok = param->data == nullptr ? bytes.size() <= kTagSize : cipher.set_tag(bytes);
    } else if (is(OSSL_CIPHER_PARAM_AEAD_IVLEN)) {
      ok = OSSL_PARAM_get_size_t(param, &number) == 1 && number == kNonceSize;
    } else if (is(OSSL_CIPHER_PARAM_KEYLEN)) {
      ok = OSSL_PARAM_get_size_t(param, &number) == 1 && number == cipher.key_size();
    } else if (is(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD)) {
      ok = cipher.set_record_aad(bytes);
    } else if (is(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED)) {
      ok = cipher.set_fixed(bytes);
    }
    if (!ok) return 0;
  }
  return 1;
}

int get_context_params(void* context, OSSL_PARAM params[]) {
  const Cipher& cipher = self(context);
  for (OSSL_PARAM* param = params; param != nullptr && param->key != nullptr; ++param) {
    const auto is = [&](const char* name) { return std::strcmp(param->key, name) == 0; };
    int ok = 1;
    if (is(OSSL_CIPHER_PARAM_IVLEN)) {
      ok = OSSL_PARAM_set_size_t(param, kNonceSize);
    } else if (is(OSSL_CIPHER_PARAM_KEYLEN)) {
      ok = OSSL_PARAM_set_size_t(param, cipher.key_size());
    } else if (is(OSSL_CIPHER_PARAM_AEAD_TAGLEN) || is(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD)) {
      ok = OSSL_PARAM_set_size_t(param, kTagSize);
    } else if (is(OSSL_CIPHER_PARAM_IV) || is(OSSL_CIPHER_PARAM_UPDATED_IV)) {
      ok = OSSL_PARAM_set_octet_string(param, cipher.nonce().data(), kNonceSize);
    } else if (is(OSSL_CIPHER_PARAM_AEAD_TAG)) {
      const ByteView tag = cipher.tag();
      ok = param->data_size != 0 && param->data_size <= tag.size() &&
           OSSL_PARAM_set_octet_string(param, tag.data(), param->data_size) == 1;
    }
    if (ok != 1) return 0;
  }
  return 1;
}

template <bool encrypting>
int start(void* context, const unsigned char* key, size_t key_size, const unsigned char* nonce,
          size_t nonce_size, const OSSL_PARAM params[]) {
  const ByteView the_key(key, key != nullptr ? key_size : 0);
  const ByteView the_nonce(nonce, nonce != nullptr ? nonce_size : 0);
  return self(context).start(encrypting, the_key, the_nonce) && set_context_params(context, params) == 1 ? 1
                                                                                                         : 0;
}

int update(void* context, unsigned char* out, size_t* out_size, size_t room, const unsigned char* in,
           size_t size) {
  Cipher& cipher = self(context);
  *out_size = 0;
  if (cipher.wants_record()) {
    if (in != out) return 0;
    const std::optional<size_t> done = cipher.record({out, size});
    *out_size = done.value_or(0);
    return done ? 1 : 0;
  }
  if (size == 0) return 1;
  if (out != nullptr && room < size) return 0;
  const ByteView data(in, size);
  if (!(out == nullptr ? cipher.associate(data) : cipher.update(data, out))) return 0;
  *out_size = size;
  return 1;
}

int finish(void* context, unsigned char*, size_t* out_size, size_t) {
  *out_size = 0;
  return self(context).finish() ? 1 : 0;
}

template <size_t key_size>
int get_params(OSSL_PARAM params[]) {
  const auto set = [&](const char* name, auto setter, auto value) {
    OSSL_PARAM* param = OSSL_PARAM_locate(params, name);
    return param == nullptr || setter(param, value) == 1;
  };
  const bool ok = set(OSSL_CIPHER_PARAM_MODE, OSSL_PARAM_set_uint, unsigned{EVP_CIPH_GCM_MODE}) &&
                  set(OSSL_CIPHER_PARAM_AEAD, OSSL_PARAM_set_int, 1) &&
                  set(OSSL_CIPHER_PARAM_CUSTOM_IV, OSSL_PARAM_set_int, 1) &&
                  set(OSSL_CIPHER_PARAM_KEYLEN, OSSL_PARAM_set_size_t, key_size) &&
                  set(OSSL_CIPHER_PARAM_BLOCK_SIZE, OSSL_PARAM_set_size_t, size_t{1}) &&
                  set(OSSL_CIPHER_PARAM_IVLEN, OSSL_PARAM_set_size_t, kNonceSize);
  return ok ? 1 : 0;
}

const OSSL_PARAM* gettable_params(void*) {
  static const OSSL_PARAM list[] = {OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, nullptr),
                                    OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, nullptr),
                                    OSSL_PARAM_int(OSSL_CIPHER_PARAM_CUSTOM_IV, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, nullptr),
                                    OSSL_PARAM_END};
  return list;
}

const OSSL_PARAM* gettable_context_params(void*, void*) {
  static const OSSL_PARAM list[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, nullptr),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 0),
                                    OSSL_PARAM_END};
  return list;
}

const OSSL_PARAM* settable_context_params(void*, void*) {
  static const OSSL_PARAM list[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, nullptr),
                                    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, nullptr),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, nullptr, 0),
                                    OSSL_PARAM_END};
  return list;
}

using Function = void (*)();

template <class T>
OSSL_DISPATCH entry(int id, T function) {
  return {id, reinterpret_cast<Function>(function)};
}

template <size_t key_size>
const OSSL_DISPATCH* functions() {
  static const OSSL_DISPATCH list[] = {entry(OSSL_FUNC_CIPHER_NEWCTX, make<key_size>),
                                       entry(OSSL_FUNC_CIPHER_FREECTX, destroy),
                                       entry(OSSL_FUNC_CIPHER_DUPCTX, duplicate),
                                       entry(OSSL_FUNC_CIPHER_ENCRYPT_INIT, start<true>),
                                       entry(OSSL_FUNC_CIPHER_DECRYPT_INIT, start<false>),
                                       entry(OSSL_FUNC_CIPHER_UPDATE, update),
                                       entry(OSSL_FUNC_CIPHER_FINAL, finish),
                                       entry(OSSL_FUNC_CIPHER_CIPHER, update),
                                       entry(OSSL_FUNC_CIPHER_GET_PARAMS, get_params<key_size>),
                                       entry(OSSL_FUNC_CIPHER_GETTABLE_PARAMS, gettable_params),
                                       entry(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, get_context_params),
                                       entry(OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, gettable_context_params),
                                       entry(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, set_context_params),
                                       entry(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, settable_context_params),
                                       {0, nullptr}};
  return list;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  static const OSSL_ALGORITHM ciphers[] = {
      {"AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46", "provider=sjcp", functions<32>(), nullptr},
      {"AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6", "provider=sjcp", functions<16>(), nullptr},
      {nullptr, nullptr, nullptr, nullptr}};
  *no_cache = 0;
  return operation == OSSL_OP_CIPHER ? ciphers : nullptr;
}

void tear_down(void*) {}

int set_up(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH list[] = {entry(OSSL_FUNC_PROVIDER_TEARDOWN, tear_down),
                                       entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                       {0, nullptr}};
  *out = list;
  // Nothing is kept; but a null context reads as a failure in some places.
  *context = const_cast<OSSL_CORE_HANDLE*>(handle);
  return 1;
}

}  // namespace

bool prefer_vector_gcm(OSSL_LIB_CTX* library) {
  // They stay as long as the process, and so does the list, beyond the destructors at its end: ciphers of
  // contexts that outlive everything else may come from them.
  static std::mutex mutex;
  static auto& providers = *new std::map<OSSL_LIB_CTX*, OSSL_PROVIDER*>;
  const std::lock_guard lock(mutex);
  const auto [place, is_new] = providers.try_emplace(library, nullptr);
  if (!is_new) return place->second != nullptr;
  if (EVP_default_properties_is_fips_enabled(library) == 1 || !VectorGcm::available()) return false;
  if (OSSL_PROVIDER_add_builtin(library, "sjcp", set_up) != 1) return false;
  // The default provider stays what everything else comes from.
  OSSL_PROVIDER* loaded = OSSL_PROVIDER_try_load(library, "sjcp", 1);
  if (loaded != nullptr && EVP_set_default_properties(library, "?provider=sjcp") == 1) place->second = loaded;
  return place->second != nullptr;
}

}  // namespace sjcp::crypto
