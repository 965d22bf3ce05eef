#include "core/crypto/tls_sealing.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/crypto/evp_aead.h"

namespace sjcp::crypto {
namespace {

constexpr uint8_t kHandshake = 22;
constexpr uint8_t kApplicationData = 23;
constexpr size_t kHeaderSize = 5;

using Kdf = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

struct Suite {
  const EVP_CIPHER* cipher;
  const char* hash;
  size_t secret_size;
  size_t key_size;
};

std::optional<Suite> suite_of(uint16_t number) {
  switch (number) {
    case 0x1301:
      return Suite{aes_128_gcm(), "SHA256", 32, 16};
    case 0x1302:
      return Suite{aes_256_gcm(), "SHA384", 48, 32};
    case 0x1303:
      return Suite{chacha20_poly1305(), "SHA256", 32, 32};
    default:
      return std::nullopt;
  }
}

// HKDF-Expand-Label with an empty context.
void expand(const Suite& suite, const std::vector<uint8_t>& secret, std::string_view label, ByteSpan out) {
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr);
  require(kdf != nullptr);
  const Kdf context(EVP_KDF_CTX_new(kdf));
  require(context != nullptr);
  constexpr std::string_view kPrefix = "tls13 ";
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const auto text = [](const char* name, const void* data, size_t size) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), size);
  };
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(suite.hash), 0),
      text(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      text(OSSL_KDF_PARAM_PREFIX, kPrefix.data(), kPrefix.size()),
      text(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
      OSSL_PARAM_construct_end()};
  require(EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1);
}

}  // namespace

struct TlsSealing::State {
  const Suite suite;
  std::vector<uint8_t> secret;
  const uint64_t most_records;
  std::optional<EvpAead> aead;
  std::array<uint8_t, EvpAead::kNonceSize> iv{};
  uint64_t count = 0;  // records under these keys

  State(const Suite& which, ByteView begin, uint64_t most)
      : suite(which), secret(begin.begin(), begin.end()), most_records(most) {
    derive();
  }
  ~State() {
    OPENSSL_cleanse(secret.data(), secret.size());
    OPENSSL_cleanse(iv.data(), iv.size());
  }
  void derive();
  void record(uint8_t type, ByteView data, ByteSpan out);
};

void TlsSealing::State::derive() {
  std::array<uint8_t, 32> key;
  expand(suite, secret, "key", ByteSpan(key).first(suite.key_size));
  expand(suite, secret, "iv", iv);
  aead.emplace(suite.cipher, key.data());
  OPENSSL_cleanse(key.data(), key.size());
  count = 0;
}

void TlsSealing::State::record(uint8_t type, ByteView data, ByteSpan out) {
  require(data.size() <= kMostData && out.size() == data.size() + kOverhead && count < most_records);
  const size_t size = out.size() - kHeaderSize;
  // To the outside every record is application data of TLS 1.2.
  const std::array<uint8_t, kHeaderSize> header = {kApplicationData, 3, 3, static_cast<uint8_t>(size >> 8),
                                                   static_cast<uint8_t>(size)};
  std::ranges::copy(header, out.data());
  auto nonce = iv;
  for (size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] ^= static_cast<uint8_t>(count >> (8 * i));
  ++count;
  aead->seal(nonce.data(), header, {data, ByteView(&type, 1)}, {out.data() + kHeaderSize, size});
}

TlsSealing::TlsSealing(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSealing::~TlsSealing() = default;

std::unique_ptr<TlsSealing> TlsSealing::create(uint16_t suite, ByteView secret, uint64_t most_records) {
  const auto known = suite_of(suite);
  if (!known || secret.size() != known->secret_size) return nullptr;
  return std::unique_ptr<TlsSealing>(new TlsSealing(std::make_unique<State>(*known, secret, most_records)));
}

void TlsSealing::seal(ByteView data, ByteSpan out) {
  state_->record(kApplicationData, data, out);
}

bool TlsSealing::renewal_due() const {
  // One is left for the renewal.
  return state_->count + 1 >= state_->most_records;
}

void TlsSealing::renew(ByteSpan out) {
  // key_update, three bytes of length, update_not_requested.
  static constexpr std::array<uint8_t, 5> kMessage = {24, 0, 0, 1, 0};
  state_->record(kHandshake, kMessage, out);
  std::vector<uint8_t> next(state_->secret.size());
  expand(state_->suite, state_->secret, "traffic upd", next);
  state_->secret.swap(next);
  OPENSSL_cleanse(next.data(), next.size());
  state_->derive();
}

}  // namespace sjcp::crypto
