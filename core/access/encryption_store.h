// Keys by bucket and path, and the path encryption that they drive (protocol notes 3.2-3.4).
//
// A store holds an optional default key and entries: "at this plain path of this bucket, whose encrypted form
// is that, the path key is K".  Lookup takes the deepest entry that is a component-prefix of the path, else
// the default key.  Const methods from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/access/macaroon.h"
#include "core/base/result.h"
#include "core/crypto/aead.h"
#include "core/crypto/key.h"

namespace sjcp::access {

struct StoreEntry {
  std::string bucket;
  std::string plain_path;  // no trailing slash; empty = the whole bucket
  std::string encrypted_path;
  crypto::Key key;  // path key at plain_path
  crypto::CipherSuite path_cipher = crypto::CipherSuite::kAesGcm;
};

// What a listing under a plain prefix needs.
struct PrefixInfo {
  crypto::CipherSuite cipher = crypto::CipherSuite::kAesGcm;
  std::string parent_plain;  // everything but the last component, without slash
  std::string parent_encrypted;
  crypto::Key parent_key;  // path key of parent_plain: items and cursors are relative to it
  std::string path_plain;  // the prefix as given
  std::string path_encrypted;
  crypto::Key path_key;
};

class EncryptionStore {
 public:
  std::optional<crypto::Key> default_key;
  crypto::CipherSuite default_path_cipher = crypto::CipherSuite::kAesGcm;

  const std::vector<StoreEntry>& entries() const { return entries_; }
  // kUsage when it contradicts an entry already there (component counts, or the same component encrypted
  // twice).
  Status add(StoreEntry entry);

  // All of these: kDenied ("no encryption key for ...") when nothing covers the path, kUnsupported for an
  // unknown cipher, kIntegrity when a path does not decrypt.  The empty path encrypts to itself, key or no
  // key.
  Result<std::string> encrypt_path(const std::string& bucket, std::string_view plain) const;
  Result<std::string> decrypt_path(const std::string& bucket, std::string_view encrypted) const;
  // A prefix that ends in '/' keeps its last, empty component unencrypted.
  Result<std::string> encrypt_prefix(const std::string& bucket, std::string_view plain) const;
  Result<crypto::Key> path_key(const std::string& bucket, std::string_view plain) const;
  Result<crypto::Key> content_key(const std::string& bucket, std::string_view plain) const;
  Result<crypto::CipherSuite> path_cipher(const std::string& bucket, std::string_view plain) const;
  // Requires: prefix is empty, ends in '/', or the cipher is NULL.
  Result<PrefixInfo> prefix_info(const std::string& bucket, std::string_view prefix) const;

  // Re-roots the store to what the key's caveats can reach (protocol notes 2.5).  Any malformed caveat
  // empties it.
  EncryptionStore limited_to(const Macaroon& key) const;

 private:
  std::vector<StoreEntry> entries_;
};

// Path encryption relative to a key, for listing items and cursors.  kIntegrity when it does not decrypt.
Result<std::string> encrypt_relative(crypto::CipherSuite cipher, const crypto::Key& key,
                                     std::string_view plain);
Result<std::string> decrypt_relative(crypto::CipherSuite cipher, const crypto::Key& key,
                                     std::string_view encrypted);

}  // namespace sjcp::access
