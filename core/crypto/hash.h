// Digests, HMACs and random bytes, from OpenSSL.  Any thread.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>

#include "core/base/bytes.h"
#include "core/crypto/key.h"

namespace sjcp::crypto {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest sha256(ByteView data);
Sha256Digest hmac_sha256(ByteView key, ByteView message);
std::array<uint8_t, 64> hmac_sha512(ByteView key, ByteView message);

using Blake2bDigest = std::array<uint8_t, 64>;

Blake2bDigest blake2b(std::initializer_list<ByteView> parts);
Blake2bDigest hmac_blake2b(ByteView key, ByteView message);

// SHA-256 over data that arrives in pieces.  One thread at a time; one digest per object.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(ByteView data);
  Sha256Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Derive(key, message) of the network: the first 32 bytes of HMAC-SHA512.
Key derive_key(const Key& key, ByteView message);

// Argon2id root key from a passphrase: t=1, m=64 MiB, lanes as given (the network always uses 8), salted with
// HMAC(HMAC(passphrase, salt), path).  path is "" for grants.
Key root_key_from_passphrase(ByteView passphrase, ByteView salt, ByteView path, uint32_t lanes = 8);

void random_bytes(ByteSpan out);
std::string random_string(size_t n);  // n random bytes

bool constant_time_equal(ByteView a, ByteView b);

}  // namespace sjcp::crypto
