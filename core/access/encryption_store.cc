#include "core/access/encryption_store.h"

#include <algorithm>

#include "core/access/caveat.h"
#include "core/access/path_cipher.h"
#include "core/crypto/hash.h"

namespace sjcp::access {
namespace {

using crypto::CipherSuite;
using crypto::Key;

// Where derivation starts for a path: an entry, or the default key's bucket level.
struct Base {
  std::string plain;
  std::string encrypted;
  Key key;
  CipherSuite cipher = CipherSuite::kUnspecified;
  Components remaining;  // of the path looked up, below the base
};

// What remains of path below prefix, or nullopt when prefix is not made of its first components.
std::optional<Components> below(std::string_view path, std::string_view prefix) {
  if (prefix.empty()) return components_of(path);
  if (path == prefix) return Components();
  if (path.size() > prefix.size() && path.starts_with(prefix) && path[prefix.size()] == '/') {
    return path.substr(prefix.size() + 1);
  }
  return std::nullopt;
}

// The deepest entry whose `side` (plain or encrypted path) leads to path, else the default key.
std::optional<Base> find_base(const EncryptionStore& store, const std::string& bucket, std::string_view path,
                              std::string StoreEntry::* side) {
  const StoreEntry* best = nullptr;
  Components remaining;
  for (const StoreEntry& entry : store.entries()) {
    if (entry.bucket != bucket || (best && (entry.*side).size() <= (best->*side).size())) continue;
    if (auto rest = below(path, entry.*side)) {
      best = &entry;
      remaining = *rest;
    }
  }
  if (best) return Base{best->plain_path, best->encrypted_path, best->key, best->path_cipher, remaining};
  if (!store.default_key) return std::nullopt;
  return Base{"", "", path_step(*store.default_key, bucket), store.default_path_cipher, components_of(path)};
}

std::optional<Base> find_plain(const EncryptionStore& store, const std::string& bucket,
                               std::string_view path) {
  return find_base(store, bucket, path, &StoreEntry::plain_path);
}

Error no_key(const std::string& bucket, std::string_view plain) {
  std::string what = "no encryption key for sj://" + bucket;
  if (!plain.empty()) what.append("/").append(plain);
  return make_error(Errc::kDenied, what + " in the access grant");
}

// base path and what follows it; a base of the whole bucket has no text and no slash of its own.
std::string joined(const std::string& base, const Components& remaining, const std::string& rest) {
  if (!remaining) return base;
  return base.empty() ? rest : base + "/" + rest;
}

// True when the two entries cannot stand in one store: below equal components, equal plain components must
// have equal encrypted ones and the reverse.
bool contradict(const StoreEntry& a, const StoreEntry& b) {
  if (a.bucket != b.bucket) return false;
  Components plain_a = components_of(a.plain_path);
  Components plain_b = components_of(b.plain_path);
  Components encrypted_a = components_of(a.encrypted_path);
  Components encrypted_b = components_of(b.encrypted_path);
  while (plain_a && plain_b && encrypted_a && encrypted_b) {
    bool same_plain = take_component(plain_a) == take_component(plain_b);
    bool same_encrypted = take_component(encrypted_a) == take_component(encrypted_b);
    if (same_plain != same_encrypted) return true;
    if (!same_plain) return false;
  }
  return false;
}

size_t component_count(std::string_view path) {
  return path.empty() ? 0 : 1 + static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
}

// More allowed paths than any grant has; it bounds the quadratic comparison below.
constexpr size_t kMaxAllowedPaths = 10'000;

// The allowed paths that every caveat with paths agrees to.  nullopt: the key is not restricted to paths.
// A malformed or absurdly long key allows none.
std::optional<std::vector<AllowedPath>> common_paths(const Macaroon& key) {
  auto caveats = parse_caveats(key);
  if (!caveats) return std::vector<AllowedPath>();
  std::erase_if(*caveats, [](const Caveat& caveat) { return caveat.allowed_paths.empty(); });
  if (caveats->empty()) return std::nullopt;

  std::vector<AllowedPath> candidates;
  for (const Caveat& caveat : *caveats) {
    candidates.insert(candidates.end(), caveat.allowed_paths.begin(), caveat.allowed_paths.end());
  }
  if (candidates.size() > kMaxAllowedPaths) return std::vector<AllowedPath>();

  std::erase_if(candidates, [&](const AllowedPath& candidate) {
    auto agrees = [&](const AllowedPath& allowed) {
      return allowed.bucket == candidate.bucket &&
             candidate.encrypted_prefix.starts_with(allowed.encrypted_prefix);
    };
    return !std::all_of(caveats->begin(), caveats->end(), [&](const Caveat& caveat) {
      return std::any_of(caveat.allowed_paths.begin(), caveat.allowed_paths.end(), agrees);
    });
  });
  return candidates;
}

}  // namespace

Status EncryptionStore::add(StoreEntry entry) {
  if (component_count(entry.plain_path) != component_count(entry.encrypted_path)) {
    return make_error(Errc::kUsage, "a path and its encrypted form differ in their number of components");
  }
  for (const StoreEntry& other : entries_) {
    if (contradict(entry, other)) return make_error(Errc::kUsage, "two entries encrypt one path in two ways");
  }
  auto same = std::find_if(entries_.begin(), entries_.end(), [&](const StoreEntry& other) {
    return other.bucket == entry.bucket && other.plain_path == entry.plain_path;
  });
  if (same == entries_.end()) {
    entries_.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
  return {};
}

Result<std::string> EncryptionStore::encrypt_path(const std::string& bucket, std::string_view plain) const {
  if (plain.empty()) return std::string();
  auto base = find_plain(*this, bucket, plain);
  if (!base) return no_key(bucket, plain);
  auto rest = encrypt_components(base->cipher, base->key, base->remaining);
  if (!rest) return rest;
  return joined(base->encrypted, base->remaining, *rest);
}

Result<std::string> EncryptionStore::decrypt_path(const std::string& bucket,
                                                  std::string_view encrypted) const {
  if (encrypted.empty()) return std::string();
  auto base = find_base(*this, bucket, encrypted, &StoreEntry::encrypted_path);
  if (!base) return no_key(bucket, "");
  auto rest = decrypt_components(base->cipher, base->key, base->remaining);
  if (!rest) return rest;
  return joined(base->plain, base->remaining, *rest);
}

Result<std::string> EncryptionStore::encrypt_prefix(const std::string& bucket, std::string_view plain) const {
  if (!plain.ends_with('/')) return encrypt_path(bucket, plain);
  auto encrypted = encrypt_path(bucket, plain.substr(0, plain.size() - 1));
  if (encrypted) encrypted->push_back('/');
  return encrypted;
}

Result<Key> EncryptionStore::path_key(const std::string& bucket, std::string_view plain) const {
  auto base = find_plain(*this, bucket, plain);
  if (!base) return no_key(bucket, plain);
  while (base->remaining) base->key = path_step(base->key, take_component(base->remaining));
  return base->key;
}

Result<Key> EncryptionStore::content_key(const std::string& bucket, std::string_view plain) const {
  auto key = path_key(bucket, plain);
  if (!key) return key;
  return crypto::derive_key(*key, std::string_view("content"));
}

Result<CipherSuite> EncryptionStore::path_cipher(const std::string& bucket, std::string_view plain) const {
  auto base = find_plain(*this, bucket, plain);
  if (!base) return no_key(bucket, plain);
  return base->cipher;
}

Result<PrefixInfo> EncryptionStore::prefix_info(const std::string& bucket, std::string_view prefix) const {
  auto base = find_plain(*this, bucket, prefix);
  if (!base) return no_key(bucket, prefix);
  if (!prefix.empty() && !base->remaining) {
    return make_error(Errc::kDenied, "the access grant covers only what lies below sj://" + bucket + "/" +
                                         std::string(prefix) + "/");
  }

  PrefixInfo info;
  info.cipher = base->cipher;
  info.parent_plain = info.path_plain = base->plain;
  info.parent_encrypted = info.path_encrypted = base->encrypted;
  info.parent_key = info.path_key = base->key;
  // A base of the whole bucket adds no component, so that the first one below it follows no slash.
  bool first = base->plain.empty();
  for (Components remaining = base->remaining; remaining; first = false) {
    info.parent_plain = info.path_plain;
    info.parent_encrypted = info.path_encrypted;
    info.parent_key = info.path_key;
    std::string_view component = take_component(remaining);
    auto encrypted = encrypt_component(info.cipher, info.path_key, component);
    if (!encrypted) return encrypted.error();
    if (!first) {
      info.path_plain.push_back('/');
      info.path_encrypted.push_back('/');
    }
    info.path_plain += component;
    info.path_encrypted += *encrypted;
  }
  return info;
}

EncryptionStore EncryptionStore::limited_to(const Macaroon& key) const {
  auto paths = common_paths(key);
  if (!paths) return *this;

  EncryptionStore limited;
  limited.default_path_cipher = default_path_cipher;
  for (const AllowedPath& path : *paths) {
    // A path that these keys do not reach has no entry in the result; neither has one that contradicts
    // another.
    auto plain = decrypt_path(path.bucket, path.encrypted_prefix);
    if (!plain) continue;
    auto level = path_key(path.bucket, *plain);
    if (!level) continue;
    auto base = find_base(*this, path.bucket, path.encrypted_prefix, &StoreEntry::encrypted_path);
    if (!base) continue;
    (void)limited.add({path.bucket, *plain, path.encrypted_prefix, *level, base->cipher});
  }
  return limited;
}

Result<std::string> encrypt_relative(CipherSuite cipher, const Key& key, std::string_view plain) {
  return encrypt_components(cipher, key, components_of(plain));
}

Result<std::string> decrypt_relative(CipherSuite cipher, const Key& key, std::string_view encrypted) {
  return decrypt_components(cipher, key, components_of(encrypted));
}

}  // namespace sjcp::access
