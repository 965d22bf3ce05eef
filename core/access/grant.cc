#include "core/access/grant.h"

#include <algorithm>
#include <limits>

#include "core/access/access.pb.h"
#include "core/access/caveat.h"
#include "core/crypto/base58.h"
#include "core/crypto/hash.h"

namespace sjcp::access {
namespace {

using crypto::CipherSuite;
using crypto::Key;

constexpr size_t kCaveatNonceSize = 4;

Error malformed(const std::string& why) {
  return make_error(Errc::kUsage, "access grant is malformed: " + why);
}

// The address is shown to people, so that a grant must not carry terminal sequences in it.
bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<EncryptionStore> parse_store(const pb::EncryptionAccess& message) {
  EncryptionStore store;
  if (!message.default_key().empty()) {
    store.default_key = Key::from(message.default_key());
    if (!store.default_key) return malformed("its default key has the wrong length");
  }
  // Grants from before the field existed leave it out and mean AESGCM.
  if (message.default_path_cipher() != 0) {
    store.default_path_cipher = static_cast<CipherSuite>(message.default_path_cipher());
  }
  for (const pb::StoreEntry& entry : message.store_entries()) {
    auto key = Key::from(entry.key());
    if (!key) return malformed("a key has the wrong length");
    auto added = store.add({entry.bucket(), entry.unencrypted_path(), entry.encrypted_path(), *key,
                            static_cast<CipherSuite>(entry.path_cipher())});
    if (!added) return malformed(added.error().what);
  }
  return store;
}

void write_store(const EncryptionStore& store, pb::EncryptionAccess& message) {
  if (store.default_key) message.set_default_key(store.default_key->view().str());
  message.set_default_path_cipher(static_cast<int32_t>(store.default_path_cipher));
  for (const StoreEntry& entry : store.entries()) {
    pb::StoreEntry& added = *message.add_store_entries();
    added.set_bucket(entry.bucket);
    added.set_unencrypted_path(entry.plain_path);
    added.set_encrypted_path(entry.encrypted_path);
    added.set_key(entry.key.view().str());
    added.set_path_cipher(static_cast<int32_t>(entry.path_cipher));
  }
}

Status validate(const Permission& permission) {
  bool any_operation = permission.reads || permission.writes || permission.lists || permission.deletes;
  bool any_bound = permission.not_before || permission.not_after || permission.max_object_ttl;
  if (!any_operation && !any_bound)
    return make_error(Errc::kUsage, "a restricted access grant must allow something");
  if (permission.not_before && permission.not_after && *permission.not_after < *permission.not_before) {
    return make_error(Errc::kUsage, "a restricted access grant cannot end before it begins");
  }
  if (permission.max_object_ttl && permission.max_object_ttl->count() <= 0) {
    return make_error(Errc::kUsage, "the longest lifetime of objects must be positive");
  }
  return {};
}

// Every operation that Permission does not name is disallowed.
Caveat caveat_for(const Permission& permission) {
  Caveat caveat;
  caveat.disallow_reads = !permission.reads;
  caveat.disallow_writes = !permission.writes;
  caveat.disallow_lists = !permission.lists;
  caveat.disallow_deletes = !permission.deletes;
  caveat.disallow_locks = true;
  caveat.disallow_put_retention = true;
  caveat.disallow_get_retention = true;
  caveat.disallow_put_legal_hold = true;
  caveat.disallow_get_legal_hold = true;
  caveat.disallow_bypass_governance_retention = true;
  caveat.disallow_put_bucket_object_lock_configuration = true;
  caveat.disallow_get_bucket_object_lock_configuration = true;
  caveat.disallow_put_bucket_notification_configuration = true;
  caveat.disallow_get_bucket_notification_configuration = true;
  caveat.not_before = permission.not_before;
  caveat.not_after = permission.not_after;
  caveat.max_object_ttl = permission.max_object_ttl;
  return caveat;
}

}  // namespace

Result<Grant> Grant::parse(std::string_view text) {
  auto decoded = crypto::base58check_decode(text);
  if (!decoded || decoded->version != 0) return malformed("it was cut short, mistyped or is something else");
  pb::Scope scope;
  if (decoded->payload.size() > std::numeric_limits<int>::max() || !scope.ParseFromString(decoded->payload)) {
    return malformed("its content does not parse");
  }
  if (scope.satellite_addr().empty()) return malformed("it names no satellite");
  if (!printable(scope.satellite_addr())) return malformed("its satellite address is not printable");
  auto key = Macaroon::parse(scope.api_key());
  if (!key) return malformed(key.error().what);
  if (!scope.has_encryption_access()) return malformed("it holds no encryption access");
  auto store = parse_store(scope.encryption_access());
  if (!store) return store.error();

  Grant grant;
  grant.satellite_url = scope.satellite_addr();
  grant.store = store->limited_to(*key);
  grant.api_key = std::move(*key);
  return grant;
}

std::string Grant::serialize() const {
  pb::Scope scope;
  scope.set_satellite_addr(satellite_url);
  scope.set_api_key(api_key.serialize());
  write_store(store, *scope.mutable_encryption_access());
  return crypto::base58check_encode(scope.SerializeAsString(), 0);
}

Result<Grant> Grant::restrict(const Permission& permission, const std::vector<SharePrefix>& prefixes,
                              ByteView nonce) const {
  if (auto status = validate(permission); !status) return status.error();
  Caveat caveat = caveat_for(permission);
  caveat.nonce = nonce.empty() ? crypto::random_string(kCaveatNonceSize) : nonce.str();
  for (const SharePrefix& share : prefixes) {
    // The path of "a/" is that of "a" and an empty component; what is shared is everything below "a".
    std::string_view prefix = share.prefix;
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    auto encrypted = store.encrypt_path(share.bucket, prefix);
    if (!encrypted) return encrypted.error();
    caveat.allowed_paths.push_back({share.bucket, *encrypted});
  }

  Grant restricted;
  restricted.satellite_url = satellite_url;
  restricted.api_key = api_key.with_caveat(caveat.serialize());
  restricted.store = store.limited_to(restricted.api_key);
  return restricted;
}

}  // namespace sjcp::access
