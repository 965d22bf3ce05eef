#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "core/access/caveat.h"

namespace sjcp::cli {
namespace {

// The two alphabets of RFC 4648, padded, as the reference client prints bytes.
std::string base64(ByteView bytes, bool url) {
  std::string_view alphabet = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                                  : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= n ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// An encrypted path holds any byte: every component by itself in base64.
std::string path_text(std::string_view path) {
  std::string out;
  while (true) {
    size_t slash = path.find('/');
    out += base64(path.substr(0, slash), true);
    if (slash == std::string_view::npos) return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string cipher_name(crypto::CipherSuite suite) {
  switch (suite) {
    case crypto::CipherSuite::kUnspecified:
      return "ENC_UNSPECIFIED";
    case crypto::CipherSuite::kNull:
      return "ENC_NULL";
    case crypto::CipherSuite::kAesGcm:
      return "ENC_AESGCM";
    case crypto::CipherSuite::kSecretBox:
      return "ENC_SECRETBOX";
    case crypto::CipherSuite::kNullBase64Url:
      return "ENC_NULL_BASE64URL";
  }
  return std::to_string(static_cast<int>(suite));
}

// Go leaves out what is empty.
void set(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}

Json describe_store(const access::EncryptionStore& store) {
  Json json = Json::object();
  if (store.default_key) json["default_key"] = base64(store.default_key->view(), false);
  Json entries = Json::array();
  for (const auto& entry : store.entries()) {
    Json one = Json::object();
    set(one, "bucket", entry.bucket);
    set(one, "unencrypted_path", entry.plain_path);
    set(one, "encrypted_path", entry.encrypted_path.empty() ? "" : path_text(entry.encrypted_path));
    one["key"] = base64(entry.key.view(), true);
    one["path_cipher"] = cipher_name(entry.path_cipher);
    entries.push_back(std::move(one));
  }
  if (!entries.empty()) json["store_entries"] = std::move(entries);
  json["default_path_cipher"] = cipher_name(store.default_path_cipher);
  return json;
}

Json describe_caveat(const access::Caveat& caveat) {
  Json json = Json::object();
  auto flag = [&json](const char* name, bool value) {
    if (value) json[name] = true;
  };
  flag("disallow_reads", caveat.disallow_reads);
  flag("disallow_writes", caveat.disallow_writes);
  flag("disallow_lists", caveat.disallow_lists);
  flag("disallow_deletes", caveat.disallow_deletes);
  flag("disallow_locks", caveat.disallow_locks);
  flag("disallow_put_retention", caveat.disallow_put_retention);
  flag("disallow_get_retention", caveat.disallow_get_retention);
  flag("disallow_put_legal_hold", caveat.disallow_put_legal_hold);
  flag("disallow_get_legal_hold", caveat.disallow_get_legal_hold);
  flag("disallow_bypass_governance_retention", caveat.disallow_bypass_governance_retention);
  flag("disallow_put_bucket_object_lock_configuration", caveat.disallow_put_bucket_object_lock_configuration);
  flag("disallow_get_bucket_object_lock_configuration", caveat.disallow_get_bucket_object_lock_configuration);
  flag("disallow_put_bucket_notification_configuration",
       caveat.disallow_put_bucket_notification_configuration);
  flag("disallow_get_bucket_notification_configuration",
       caveat.disallow_get_bucket_notification_configuration);
  for (const auto& path : caveat.allowed_paths) {
    Json one = Json::object();
    set(one, "bucket", path.bucket);
    set(one, "encrypted_path_prefix", path.encrypted_prefix.empty() ? "" : path_text(path.encrypted_prefix));
    json["allowed_paths"].push_back(std::move(one));
  }
  if (caveat.not_after) json["not_after"] = format_rfc3339(*caveat.not_after);
  if (caveat.not_before) json["not_before"] = format_rfc3339(*caveat.not_before);
  if (caveat.max_object_ttl) json["max_object_ttl"] = caveat.max_object_ttl->count();
  set(json, "nonce", base64(caveat.nonce, false));
  return json;
}

}  // namespace

// Prints secrets, because that is what inspecting an access is for.
int run_command(const AccessInspectOptions& options, const Session& session) {
  auto grant = session.open_access(options.access);
  if (!grant) return session.fail(grant.error());
  auto caveats = access::parse_caveats(grant->api_key);
  if (!caveats) return session.fail(caveats.error());
  Json macaroon{{"head", base64(grant->api_key.head(), true)}, {"caveats", Json::array()}};
  for (const auto& caveat : *caveats) macaroon["caveats"].push_back(describe_caveat(caveat));
  macaroon["tail"] = base64(grant->api_key.tail(), true);
  Json json{{"satellite_addr", grant->satellite_url}, {"encryption_access", describe_store(grant->store)}};
  json["api_key"] = grant->api_key.api_key();
  json["macaroon"] = std::move(macaroon);
  session.out().exact(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return kExitOk;
}

}  // namespace sjcp::cli
