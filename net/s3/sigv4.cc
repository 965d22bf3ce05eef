#include "net/s3/sigv4.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "core/base/text.h"

namespace sjcp::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (char c = 'A'; c <= 'Z'; ++c) plain[static_cast<uint8_t>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) plain[static_cast<uint8_t>(c)] = true;
  for (char c = '0'; c <= '9'; ++c) plain[static_cast<uint8_t>(c)] = true;
  for (const char c : {'-', '.', '_', '~'}) plain[static_cast<uint8_t>(c)] = true;
  return plain;
}
constexpr auto kPlain = make_plain();

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Without blanks around, and one for several within.
std::string folded(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (!is_blank(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string scope_of(std::string_view day, const std::string& region, const std::string& service) {
  return std::string(day) + "/" + region + "/" + service + "/aws4_request";
}

}  // namespace

std::string escape(std::string_view text, bool slashes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (kPlain[byte] || (c == '/' && !slashes)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string escape_path(std::string_view key) {
  return "/" + escape(key, false);
}

std::string query_text(const Query& query) {
  std::vector<std::pair<std::string, std::string>> escaped;
  escaped.reserve(query.size());
  for (const auto& [name, value] : query) escaped.emplace_back(escape(name, true), escape(value, true));
  std::sort(escaped.begin(), escaped.end());
  std::string out;
  for (const auto& [name, value] : escaped) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string payload_hash(ByteView body) {
  return to_hex(crypto::sha256(body));
}

std::string amz_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return {text.data(), size};
}

Canonical canonical_request(const Target& target, const std::vector<http::Header>& headers,
                            std::string_view payload) {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.reserve(headers.size() + 1);
  lines.emplace_back("host", target.host);
  for (const auto& header : headers) lines.emplace_back(lowered(header.name), folded(header.value));
  // By name alone: a longer name may not come before its own beginning because of what follows the colon.
  std::sort(lines.begin(), lines.end());
  Canonical out;
  std::string& text = out.text;
  text.append(target.method).append("\n").append(target.path).append("\n").append(target.query).append("\n");
  for (const auto& [name, value] : lines) {
    text.append(name).append(":").append(value).append("\n");
    if (!out.signed_headers.empty()) out.signed_headers += ';';
    out.signed_headers += name;
  }
  text.append("\n").append(out.signed_headers).append("\n").append(payload);
  return out;
}

void Signer::sign(const Target& target, const Keys& keys, const std::string& region, std::string_view payload,
                  Time time, std::vector<http::Header>& headers) {
  const std::string date = amz_date(time);
  headers.push_back({"x-amz-date", date});
  headers.push_back({"x-amz-content-sha256", std::string(payload)});
  if (!keys.session_token.empty()) headers.push_back({"x-amz-security-token", keys.session_token, true});
  const Canonical canonical = canonical_request(target, headers, payload);
  std::string value(kAlgorithm);
  value.append(" Credential=").append(keys.access_key_id).append("/");
  value.append(scope_of(std::string_view(date).substr(0, 8), region, service_));
  value.append(", SignedHeaders=").append(canonical.signed_headers);
  value.append(", Signature=").append(signature(canonical.text, keys, region, date));
  headers.push_back({"Authorization", std::move(value), true});
}

std::string Signer::presigned_query(const Target& target, const Query& query, const Keys& keys,
                                    const std::string& region, Time time, std::chrono::seconds expires) {
  const std::string date = amz_date(time);
  Query all = query;
  all.emplace_back("X-Amz-Algorithm", kAlgorithm);
  all.emplace_back("X-Amz-Credential", keys.access_key_id + "/" +
                                           scope_of(std::string_view(date).substr(0, 8), region, service_));
  all.emplace_back("X-Amz-Date", date);
  all.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
  all.emplace_back("X-Amz-SignedHeaders", "host");
  if (!keys.session_token.empty()) all.emplace_back("X-Amz-Security-Token", keys.session_token);
  Target signed_target = target;
  signed_target.query = query_text(all);
  const Canonical canonical = canonical_request(signed_target, {}, kUnsignedPayload);
  return signed_target.query + "&X-Amz-Signature=" + signature(canonical.text, keys, region, date);
}

std::string Signer::signature(const std::string& canonical, const Keys& keys, const std::string& region,
                              std::string_view date) {
  const std::string_view day = date.substr(0, 8);
  std::string text(kAlgorithm);
  text.append("\n").append(date).append("\n").append(scope_of(day, region, service_)).append("\n");
  text.append(to_hex(crypto::sha256(canonical)));
  return to_hex(crypto::hmac_sha256(signing_key(keys, region, day), text));
}

crypto::Sha256Digest Signer::signing_key(const Keys& keys, const std::string& region, std::string_view day) {
  // The secret too: keys may be replaced under one name.
  std::string name =
      std::string(day) + "/" + region + "/" + keys.access_key_id + "/" + keys.secret_access_key;
  const std::lock_guard lock(mutex_);
  if (const auto found = derived_.find(name); found != derived_.end()) return found->second;
  if (!derived_.empty() && !derived_.begin()->first.starts_with(day)) derived_.clear();
  auto key = crypto::hmac_sha256("AWS4" + keys.secret_access_key, day);
  key = crypto::hmac_sha256(key, region);
  key = crypto::hmac_sha256(key, service_);
  key = crypto::hmac_sha256(key, std::string_view("aws4_request"));
  derived_.emplace(std::move(name), key);
  return key;
}

}  // namespace sjcp::s3
