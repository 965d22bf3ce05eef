// Ed25519 signatures (RFC 8032) by a piece key: what orders and a client's piece hashes carry.
//
// Threads: immutable after creation; const methods from any thread.
#pragma once

#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::crypto {

class Ed25519Key {
 public:
  // 64 bytes, seed || public key, as a satellite hands them out; or the 32-byte seed alone.  kProtocol
  // otherwise.
  static Result<Ed25519Key> from_private(ByteView bytes);
  ~Ed25519Key();
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;

  std::string sign(ByteView message) const;  // 64 bytes; the message itself is signed, not a digest
  std::string public_key() const;            // 32 bytes

 private:
  struct State;
  explicit Ed25519Key(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// False also when the key is not 32 bytes or the signature not 64.
bool ed25519_verify(ByteView public_key, ByteView message, ByteView signature);

}  // namespace sjcp::crypto
