#include "core/crypto/key.h"

#include <openssl/crypto.h>

#include "core/crypto/hash.h"

namespace sjcp::crypto {

Key::~Key() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::optional<Key> Key::from(ByteView bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  Key key;
  std::memcpy(key.bytes_.data(), bytes.data(), kSize);
  return key;
}

Key Key::random() {
  Key key;
  random_bytes(key.span());
  return key;
}

}  // namespace sjcp::crypto
