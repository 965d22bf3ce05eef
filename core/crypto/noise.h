// Noise_IK_25519_ChaChaPoly_BLAKE2b and Noise_IK_25519_AESGCM_BLAKE2b, without a socket (The Noise Protocol
// Framework, revision 34; protocol notes 5.4).
//
// The initiator knows the responder's static key beforehand.  Message 1 carries data of the initiator
// already, which can be replayed by who listens; message 2 proves the responder, and from then on both ends
// seal with keys of this connection alone.
//
// Threads: one at a time for each object; NoiseKey is immutable.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::crypto {

// Values are the network's; they appear in what satellites say of nodes.
enum class NoiseProtocol : int32_t { kNone = 0, kChaChaPoly = 1, kAesGcm = 2 };

inline constexpr size_t kNoiseKeySize = 32;
inline constexpr size_t kNoiseTagSize = 16;
// Of data in one message; a node takes so many, and sends no more.
inline constexpr size_t kNoiseMostData = 65535;

// An X25519 key pair (RFC 7748).
class NoiseKey {
 public:
  static NoiseKey generate();
  // 32 bytes; nullopt otherwise.
  static std::optional<NoiseKey> from_private(ByteView bytes);
  ~NoiseKey();
  NoiseKey(NoiseKey&&) noexcept;
  NoiseKey& operator=(NoiseKey&&) noexcept;

  const std::string& public_key() const;  // 32 bytes
  // What both have in common; nullopt when the other's key is none.
  std::optional<std::array<uint8_t, kNoiseKeySize>> agree(ByteView other) const;

 private:
  struct State;
  explicit NoiseKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One direction's cipher: each message has the nonce after the one before.
class NoiseCipher {
 public:
  // `key`: of kNoiseKeySize bytes, or more, of which the first count.
  NoiseCipher(NoiseProtocol protocol, ByteView key);
  ~NoiseCipher();
  NoiseCipher(NoiseCipher&&) noexcept;
  NoiseCipher& operator=(NoiseCipher&&) noexcept;

  // out.size() == in.size() + kNoiseTagSize.
  void seal(ByteView associated, ByteView in, ByteSpan out);
  // out.size() == in.size() - kNoiseTagSize; out and in may start at the same address.  False: not what the
  // other end sealed at this place; out then holds nothing usable.
  [[nodiscard]] bool open(ByteView associated, ByteView in, ByteSpan out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class NoiseHandshake {
 public:
  // `own` must outlive the handshake.  `ephemeral`: a fresh key, for this handshake alone.
  static NoiseHandshake initiator(NoiseProtocol protocol, const NoiseKey& own, ByteView peer_key,
                                  NoiseKey ephemeral = NoiseKey::generate());
  static NoiseHandshake responder(NoiseProtocol protocol, const NoiseKey& own,
                                  NoiseKey ephemeral = NoiseKey::generate());
  ~NoiseHandshake();
  NoiseHandshake(NoiseHandshake&&) noexcept;
  NoiseHandshake& operator=(NoiseHandshake&&) noexcept;

  // The next message, or its data.  The initiator writes the first and reads the second, the responder the
  // reverse.  Requires: it is the turn of that; data of at most kNoiseMostData bytes.  kIntegrity: the other
  // end has not the key that it should have, or the message is damaged.
  Result<std::string> write(ByteView data);
  Result<std::string> read(ByteView message);

  // Requires: both messages have passed; once.
  struct Ciphers {
    NoiseCipher sending;
    NoiseCipher receiving;
  };
  Ciphers split();

  // What messages are longer by than their data.
  static constexpr size_t kFirstOverhead = 2 * kNoiseKeySize + 2 * kNoiseTagSize;
  static constexpr size_t kSecondOverhead = kNoiseKeySize + kNoiseTagSize;

 private:
  struct State;
  explicit NoiseHandshake(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::crypto
