#include "core/crypto/noise.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/crypto/evp_aead.h"
#include "core/crypto/hash.h"

namespace sjcp::crypto {
namespace {

using PkeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Hash = Blake2bDigest;

const EVP_CIPHER* cipher_of(NoiseProtocol protocol) {
  return protocol == NoiseProtocol::kAesGcm ? aes_256_gcm() : chacha20_poly1305();
}

// HKDF of the framework, with two outputs.
std::pair<Hash, Hash> derive(ByteView chaining_key, ByteView input) {
  Hash secret = hmac_blake2b(chaining_key, input);
  const Hash first = hmac_blake2b(secret, std::string_view("\1"));
  std::array<uint8_t, sizeof(Hash) + 1> second_input;
  std::copy(first.begin(), first.end(), second_input.begin());
  second_input.back() = 2;
  const Hash second = hmac_blake2b(secret, second_input);
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(second_input.data(), second_input.size());
  return {first, second};
}

std::string_view name_of(NoiseProtocol protocol) {
  return protocol == NoiseProtocol::kAesGcm ? "Noise_IK_25519_AESGCM_BLAKE2b"
                                            : "Noise_IK_25519_ChaChaPoly_BLAKE2b";
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
  using Nonce = std::array<uint8_t, EvpAead::kNonceSize>;

  // A counter behind four zeros.
  Nonce next_nonce() {
    Nonce nonce{};
    for (size_t i = 0; i < 8; ++i) {
      nonce[4 + i] = static_cast<uint8_t>(count >> (big_endian ? 56 - 8 * i : 8 * i));
    }
    ++count;
    return nonce;
  }

  EvpAead aead;
  bool big_endian;
  uint64_t count = 0;
};

NoiseCipher::NoiseCipher(NoiseProtocol protocol, ByteView key)
    : state_(std::make_unique<State>(
          State{EvpAead(cipher_of(protocol), key.data()), protocol == NoiseProtocol::kAesGcm})) {}
NoiseCipher::~NoiseCipher() = default;
NoiseCipher::NoiseCipher(NoiseCipher&&) noexcept = default;
NoiseCipher& NoiseCipher::operator=(NoiseCipher&&) noexcept = default;

void NoiseCipher::seal(ByteView associated, ByteView in, ByteSpan out) {
  require(out.size() == in.size() + kNoiseTagSize);
  state_->aead.seal(state_->next_nonce().data(), associated, {in}, out);
}

bool NoiseCipher::open(ByteView associated, ByteView in, ByteSpan out) {
  if (in.size() < kNoiseTagSize || out.size() != in.size() - kNoiseTagSize) return false;
  return state_->aead.open(state_->next_nonce().data(), associated, in, out);
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

  void mix_hash(ByteView bytes) { hash = blake2b({hash, bytes}); }
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
  out += shown;
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
