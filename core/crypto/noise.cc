#include "core/crypto/noise.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/crypto/gcm_provider.h"
#include "core/crypto/openssl.h"

namespace sjcp::crypto {
namespace {

constexpr size_t kHashSize = 64;    // BLAKE2b
constexpr size_t kBlockSize = 128;  // of HMAC with it
constexpr size_t kNonceSize = 12;

using PkeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Hash = std::array<uint8_t, kHashSize>;

// Fetched once: by name they would be looked up again at every use.
const EVP_MD* blake2b() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr);
  require(md != nullptr);
  return md;
}

const EVP_CIPHER* cipher_of(NoiseProtocol protocol) {
  if (protocol == NoiseProtocol::kAesGcm) {
    static EVP_CIPHER* const gcm = [] {
      prefer_vector_gcm();
      return EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    }();
    require(gcm != nullptr);
    return gcm;
  }
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  require(chacha != nullptr);
  return chacha;
}

Hash hash_of(std::initializer_list<ByteView> parts) {
  thread_local const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestInit_ex2(context.get(), blake2b(), nullptr) == 1);
  for (const ByteView part : parts) require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Hash out;
  require(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

// HMAC (RFC 2104).  Requires: a key of at most a block.
Hash hmac(ByteView key, std::initializer_list<ByteView> message) {
  std::array<uint8_t, kBlockSize> inner;
  std::array<uint8_t, kBlockSize> outer;
  for (size_t i = 0; i < kBlockSize; ++i) {
    const uint8_t byte = i < key.size() ? key[i] : 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  thread_local const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestInit_ex2(context.get(), blake2b(), nullptr) == 1);
  require(EVP_DigestUpdate(context.get(), inner.data(), inner.size()) == 1);
  for (const ByteView part : message) require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Hash within;
  require(EVP_DigestFinal_ex(context.get(), within.data(), nullptr) == 1);
  const Hash out = hash_of({outer, within});
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(outer.data(), outer.size());
  OPENSSL_cleanse(within.data(), within.size());
  return out;
}

// HKDF of the framework, with two outputs.
std::pair<Hash, Hash> derive(ByteView chaining_key, ByteView input) {
  const uint8_t one = 1;
  const uint8_t two = 2;
  Hash secret = hmac(chaining_key, {input});
  const Hash first = hmac(secret, {ByteView(&one, 1)});
  const Hash second = hmac(secret, {first, ByteView(&two, 1)});
  OPENSSL_cleanse(secret.data(), secret.size());
  return {first, second};
}

std::string_view name_of(NoiseProtocol protocol) {
  return protocol == NoiseProtocol::kAesGcm ? "Noise_IK_25519_AESGCM_BLAKE2b"
                                            : "Noise_IK_25519_ChaChaPoly_BLAKE2b";
}

void append(std::string& out, ByteView bytes) {
  out.append(bytes.text());
}

}  // namespace

// ---- keys ----

struct NoiseKey::State {
  PkeyPtr key;
  std::string public_key;
};

NoiseKey::NoiseKey(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->public_key.resize(kNoiseKeySize);
  size_t size = kNoiseKeySize;
  require(EVP_PKEY_get_raw_public_key(
              state_->key.get(), reinterpret_cast<unsigned char*>(state_->public_key.data()), &size) == 1);
}
NoiseKey::~NoiseKey() = default;
NoiseKey::NoiseKey(NoiseKey&&) noexcept = default;
NoiseKey& NoiseKey::operator=(NoiseKey&&) noexcept = default;

NoiseKey NoiseKey::generate() {
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  require(state->key != nullptr);
  return NoiseKey(std::move(state));
}

std::optional<NoiseKey> NoiseKey::from_private(ByteView bytes) {
  if (bytes.size() != kNoiseKeySize) return std::nullopt;
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, bytes.data(), bytes.size()));
  require(state->key != nullptr);
  return NoiseKey(std::move(state));
}

const std::string& NoiseKey::public_key() const {
  return state_->public_key;
}

std::optional<std::array<uint8_t, kNoiseKeySize>> NoiseKey::agree(ByteView other) const {
  const PkeyPtr peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, other.data(), other.size()));
  if (peer == nullptr) return std::nullopt;
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, state_->key.get(), nullptr));
  std::array<uint8_t, kNoiseKeySize> shared;
  size_t size = shared.size();
  require(context && EVP_PKEY_derive_init(context.get()) == 1);
  // Fails for keys of low order, with which anybody would have the secret.
  if (EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0) != 1 ||
      EVP_PKEY_derive(context.get(), shared.data(), &size) != 1 || size != shared.size()) {
    return std::nullopt;
  }
  return shared;
}

// ---- ciphers ----

struct NoiseCipher::State {
  CipherContext context{EVP_CIPHER_CTX_new()};
  bool big_endian = false;
  uint64_t count = 0;

  void start(ByteView associated, int encrypt);
};

// The nonce is a counter behind four zeros.
void NoiseCipher::State::start(ByteView associated, int encrypt) {
  std::array<uint8_t, kNonceSize> nonce{};
  for (size_t i = 0; i < 8; ++i) {
    const size_t shift = big_endian ? 56 - 8 * i : 8 * i;
    nonce[4 + i] = static_cast<uint8_t>(count >> shift);
  }
  ++count;
  require(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, nonce.data(), encrypt, nullptr) == 1);
  int done = 0;
  if (associated.empty()) return;
  require(EVP_CipherUpdate(context.get(), nullptr, &done, associated.data(),
                           static_cast<int>(associated.size())) == 1);
}

NoiseCipher::NoiseCipher(NoiseProtocol protocol, ByteView key) : state_(std::make_unique<State>()) {
  state_->big_endian = protocol == NoiseProtocol::kAesGcm;
  require(state_->context && key.size() >= kNoiseKeySize &&
          EVP_CipherInit_ex2(state_->context.get(), cipher_of(protocol), key.data(), nullptr, 1, nullptr) ==
              1);
}
NoiseCipher::~NoiseCipher() = default;
NoiseCipher::NoiseCipher(NoiseCipher&&) noexcept = default;
NoiseCipher& NoiseCipher::operator=(NoiseCipher&&) noexcept = default;

void NoiseCipher::seal(ByteView associated, ByteView in, ByteSpan out) {
  require(out.size() == in.size() + kNoiseTagSize);
  state_->start(associated, 1);
  EVP_CIPHER_CTX* context = state_->context.get();
  int done = 0;
  if (!in.empty()) {
    require(EVP_CipherUpdate(context, out.data(), &done, in.data(), static_cast<int>(in.size())) == 1);
  }
  require(EVP_EncryptFinal_ex(context, out.data() + in.size(), &done) == 1);
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kNoiseTagSize, out.data() + in.size()) == 1);
}

bool NoiseCipher::open(ByteView associated, ByteView in, ByteSpan out) {
  if (in.size() < kNoiseTagSize || out.size() != in.size() - kNoiseTagSize) return false;
  state_->start(associated, 0);
  EVP_CIPHER_CTX* context = state_->context.get();
  std::array<uint8_t, kNoiseTagSize> tag;
  std::copy_n(in.data() + out.size(), kNoiseTagSize, tag.begin());
  int done = 0;
  if (!out.empty()) {
    require(EVP_CipherUpdate(context, out.data(), &done, in.data(), static_cast<int>(out.size())) == 1);
  }
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kNoiseTagSize, tag.data()) == 1);
  std::array<uint8_t, kNoiseTagSize> none;
  return EVP_DecryptFinal_ex(context, none.data(), &done) == 1;
}

// ---- handshake ----

struct NoiseHandshake::State {
  State(NoiseProtocol which, const NoiseKey& static_key, NoiseKey fresh, bool begins)
      : protocol(which), own(&static_key), ephemeral(std::move(fresh)), initiates(begins) {
    const std::string_view name = name_of(protocol);
    std::copy(name.begin(), name.end(), hash.begin());
    chaining_key = hash;
    mix_hash({});  // the prologue
  }
  ~State() { OPENSSL_cleanse(chaining_key.data(), chaining_key.size()); }

  void mix_hash(ByteView bytes) { hash = hash_of({hash, bytes}); }
  Status mix_key(const NoiseKey& key, ByteView other);
  void seal(ByteView data, std::string& out);
  Result<std::string> open(ByteView sealed);

  NoiseProtocol protocol;
  const NoiseKey* own;
  NoiseKey ephemeral;
  bool initiates;
  std::string peer;            // its static key
  std::string peer_ephemeral;  // its key of this handshake
  Hash hash{};
  Hash chaining_key{};
  std::optional<NoiseCipher> cipher;
};

Status NoiseHandshake::State::mix_key(const NoiseKey& key, ByteView other) {
  auto shared = key.agree(other);
  if (!shared) return make_error(Errc::kIntegrity, "the peer's Noise key is not usable");
  auto [next, secret] = derive(chaining_key, *shared);
  chaining_key = next;
  cipher.emplace(protocol, secret);
  OPENSSL_cleanse(shared->data(), shared->size());
  OPENSSL_cleanse(secret.data(), secret.size());
  return {};
}

void NoiseHandshake::State::seal(ByteView data, std::string& out) {
  const size_t at = out.size();
  out.resize(at + data.size() + kNoiseTagSize);
  const ByteSpan sealed(reinterpret_cast<uint8_t*>(out.data()) + at, out.size() - at);
  cipher->seal(hash, data, sealed);
  mix_hash(sealed);
}

Result<std::string> NoiseHandshake::State::open(ByteView sealed) {
  std::string out(sealed.size() - kNoiseTagSize, '\0');
  if (!cipher->open(hash, sealed, {reinterpret_cast<uint8_t*>(out.data()), out.size()})) {
    return make_error(Errc::kIntegrity, "the peer has not the Noise key that it should have");
  }
  mix_hash(sealed);
  return out;
}

NoiseHandshake::NoiseHandshake(std::unique_ptr<State> state) : state_(std::move(state)) {}
NoiseHandshake::~NoiseHandshake() = default;
NoiseHandshake::NoiseHandshake(NoiseHandshake&&) noexcept = default;
NoiseHandshake& NoiseHandshake::operator=(NoiseHandshake&&) noexcept = default;

NoiseHandshake NoiseHandshake::initiator(NoiseProtocol protocol, const NoiseKey& own, ByteView peer_key,
                                         NoiseKey ephemeral) {
  auto state = std::make_unique<State>(protocol, own, std::move(ephemeral), true);
  state->peer = peer_key.str();
  state->mix_hash(peer_key);
  return NoiseHandshake(std::move(state));
}

NoiseHandshake NoiseHandshake::responder(NoiseProtocol protocol, const NoiseKey& own, NoiseKey ephemeral) {
  auto state = std::make_unique<State>(protocol, own, std::move(ephemeral), false);
  state->mix_hash(own.public_key());
  return NoiseHandshake(std::move(state));
}

Result<std::string> NoiseHandshake::write(ByteView data) {
  State& state = *state_;
  const std::string& shown = state.ephemeral.public_key();
  std::string out;
  out.reserve(kFirstOverhead + data.size());
  append(out, shown);
  state.mix_hash(shown);
  if (state.initiates) {
    // -> e, es, s, ss
    if (auto status = state.mix_key(state.ephemeral, state.peer); !status) return status.error();
    state.seal(state.own->public_key(), out);
    if (auto status = state.mix_key(*state.own, state.peer); !status) return status.error();
  } else {
    // <- e, ee, se
    if (auto status = state.mix_key(state.ephemeral, state.peer_ephemeral); !status) return status.error();
    if (auto status = state.mix_key(state.ephemeral, state.peer); !status) return status.error();
  }
  state.seal(data, out);
  return out;
}

Result<std::string> NoiseHandshake::read(ByteView message) {
  State& state = *state_;
  if (message.size() < (state.initiates ? kSecondOverhead : kFirstOverhead)) {
    return make_error(Errc::kIntegrity, "the peer's Noise handshake is cut off");
  }
  state.peer_ephemeral = message.sub(0, kNoiseKeySize).str();
  message = message.sub(kNoiseKeySize);
  state.mix_hash(state.peer_ephemeral);
  if (state.initiates) {
    if (auto status = state.mix_key(state.ephemeral, state.peer_ephemeral); !status) return status.error();
    if (auto status = state.mix_key(*state.own, state.peer_ephemeral); !status) return status.error();
  } else {
    if (auto status = state.mix_key(*state.own, state.peer_ephemeral); !status) return status.error();
    auto shown = state.open(message.sub(0, kNoiseKeySize + kNoiseTagSize));
    if (!shown) return shown;
    message = message.sub(kNoiseKeySize + kNoiseTagSize);
    state.peer = std::move(*shown);
    if (auto status = state.mix_key(*state.own, state.peer); !status) return status.error();
  }
  return state.open(message);
}

NoiseHandshake::Ciphers NoiseHandshake::split() {
  auto [first, second] = derive(state_->chaining_key, {});
  if (!state_->initiates) std::swap(first, second);
  Ciphers out{NoiseCipher(state_->protocol, first), NoiseCipher(state_->protocol, second)};
  OPENSSL_cleanse(first.data(), first.size());
  OPENSSL_cleanse(second.data(), second.size());
  return out;
}

}  // namespace sjcp::crypto
