// The two sealed-box ciphers of the network, and the block cipher of segment content.
//
//   AESGCM     AES-256-GCM, 12-byte nonce, 16-byte tag appended, no associated data
//   SECRETBOX  XSalsa20-Poly1305, 24-byte nonce, 16-byte tag first (old objects; from libsodium)
//   NULL       bytes as they are
// Empty plaintext seals to empty output, without a tag, and the reverse.
#pragma once

#include <array>
#include <memory>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/key.h"

namespace sjcp::crypto {

// Values are the network's; they appear in grants and object records.
enum class CipherSuite : int32_t {
  kUnspecified = 0,
  kNull = 1,
  kAesGcm = 2,
  kSecretBox = 3,
  kNullBase64Url = 4
};

inline constexpr size_t kTagSize = 16;
inline constexpr size_t kNonceSize = 24;  // AESGCM uses the first 12 bytes
using Nonce = std::array<uint8_t, kNonceSize>;

Nonce random_nonce();
// nullopt unless 24 bytes; an empty view is the zero nonce.
std::optional<Nonce> nonce_from(ByteView bytes);

// Whole-message seal and open.  kUnsupported for an unknown suite; open fails with kIntegrity.
Result<std::string> seal(CipherSuite suite, const Key& key, const Nonce& nonce, ByteView plain);
Result<std::string> open(CipherSuite suite, const Key& key, const Nonce& nonce, ByteView sealed);

// Adds n to the little-endian counter in nonce[0, width): width 12 for AESGCM, 24 for SECRETBOX.  Wraps.
void nonce_add(Nonce& nonce, uint64_t n, size_t width);

// Seals and opens the fixed-size blocks of one segment with one cipher context: block b uses start nonce + b.
// One thread at a time.
class BlockCipher {
 public:
  // Requires: suite is kNull, kAesGcm or kSecretBox.
  BlockCipher(CipherSuite suite, const Key& key, const Nonce& start);
  ~BlockCipher();
  BlockCipher(BlockCipher&&) noexcept;
  BlockCipher& operator=(BlockCipher&&) noexcept;

  size_t overhead() const;  // bytes a block grows by: 16, or 0 for NULL

  // out.size() == in.size() + overhead().  out and in may start at the same address.
  void seal_block(uint64_t block, ByteView in, ByteSpan out);
  // out.size() == in.size() - overhead().  out and in may start at the same address.  False: the tag does not
  // verify; out then holds nothing usable.
  [[nodiscard]] bool open_block(uint64_t block, ByteView in, ByteSpan out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::crypto
