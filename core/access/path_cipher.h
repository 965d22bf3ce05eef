// Encryption of one path component, and paths as sequences of components (protocol notes 3.2, 3.3).
//
//   key K of the level, component c:   K' = Derive(K, "path:" c)        key of the next level
//                                      nonce from K', c sealed under K
//   component on the wire = 02 | escape(nonce | sealed)                 free of 00, '/' and ff
// Every path but the empty one has count('/') + 1 components; empty components count.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/crypto/aead.h"
#include "core/crypto/key.h"

namespace sjcp::access {

// What is left of a path: nothing, or components joined by '/'.  An empty text is one empty component.
using Components = std::optional<std::string_view>;

inline Components components_of(std::string_view path) {
  return path.empty() ? Components() : Components(path);
}

// Takes the first component off.  Requires: components has a value.
std::string_view take_component(Components& components);

// The key one level down.
crypto::Key path_step(const crypto::Key& level, std::string_view component);

// One component; level becomes the key one level down.  kUnsupported for an unknown suite, kIntegrity when it
// does not decrypt, kUsage when a NULL_BASE64URL component is not base64.
Result<std::string> encrypt_component(crypto::CipherSuite suite, crypto::Key& level, std::string_view plain);
Result<std::string> decrypt_component(crypto::CipherSuite suite, crypto::Key& level,
                                      std::string_view encrypted);

// All components, from the given level down, joined by '/'.
Result<std::string> encrypt_components(crypto::CipherSuite suite, crypto::Key level, Components plain);
Result<std::string> decrypt_components(crypto::CipherSuite suite, crypto::Key level, Components encrypted);

// The escaping alone.  decode: nullopt when no encoder wrote it.
std::string encode_segment(std::string_view blob);
std::optional<std::string> decode_segment(std::string_view segment);

}  // namespace sjcp::access
