#include "core/access/path_cipher.h"

#include "core/crypto/hash.h"

namespace sjcp::access {
namespace {

using crypto::CipherSuite;
using crypto::Key;
using crypto::Nonce;

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t nonce_size(CipherSuite suite) {
  return suite == CipherSuite::kAesGcm ? 12 : crypto::kNonceSize;
}

Error not_decryptable() {
  return make_error(Errc::kIntegrity, "the encrypted path does not decrypt");
}

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    std::string_view group = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < group.size() ? static_cast<uint8_t>(group[i]) : 0);
    for (size_t i = 0; i < 4; ++i) {
      out.push_back(i <= group.size() ? kBase64Url[bits >> (18 - 6 * i) & 63] : '=');
    }
  }
  return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;

  std::string out;
  uint32_t bits = 0;
  for (size_t i = 0; i < digits; ++i) {
    size_t value = kBase64Url.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffffff;
    // The first digit of each four completes no byte; each other one completes the byte before it.
    if (i % 4 != 0) out.push_back(static_cast<char>(bits >> (6 - 2 * (i % 4))));
  }
  return out;
}

// The two bytes that stand for one that must not appear.
struct Escape {
  char lead;
  char code;
};

std::optional<Escape> escape_of(char c) {
  switch (static_cast<uint8_t>(c)) {
    case 0x2e:
      return Escape{'\x2e', 1};
    case 0x2f:
      return Escape{'\x2e', 2};
    case 0xfe:
      return Escape{'\xfe', 1};
    case 0xff:
      return Escape{'\xfe', 2};
    case 0x00:
      return Escape{'\x01', 1};
    case 0x01:
      return Escape{'\x01', 2};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string_view take_component(Components& components) {
  std::string_view all = *components;
  size_t slash = all.find('/');
  if (slash == std::string_view::npos) {
    components.reset();
  } else {
    components = all.substr(slash + 1);
  }
  return all.substr(0, slash);
}

Key path_step(const Key& level, std::string_view component) {
  return crypto::derive_key(level, "path:" + std::string(component));
}

Result<std::string> encrypt_component(CipherSuite suite, Key& level, std::string_view plain) {
  Key next = path_step(level, plain);
  std::string out;
  if (suite == CipherSuite::kNull) {
    out = plain;
  } else if (suite == CipherSuite::kNullBase64Url) {
    auto decoded = base64url_decode(plain);
    if (!decoded) return make_error(Errc::kUsage, "an encrypted path is written in base64url");
    out = std::move(*decoded);
  } else {
    auto mac = crypto::hmac_sha512(next.view(), std::string_view("nonce"));
    Nonce nonce = *crypto::nonce_from(ByteView(mac.data(), crypto::kNonceSize));
    auto sealed = crypto::seal(suite, level, nonce, plain);
    if (!sealed) return sealed;
    out = encode_segment(ByteView(nonce.data(), nonce_size(suite)).str() + *sealed);
  }
  level = next;
  return out;
}

Result<std::string> decrypt_component(CipherSuite suite, Key& level, std::string_view encrypted) {
  std::string out;
  if (encrypted.empty() || suite == CipherSuite::kNull) {
    out = encrypted;
  } else if (suite == CipherSuite::kNullBase64Url) {
    out = base64url_encode(encrypted);
  } else {
    auto blob = decode_segment(encrypted);
    if (!blob || blob->size() < nonce_size(suite)) return not_decryptable();
    std::string padded_nonce = blob->substr(0, nonce_size(suite));
    padded_nonce.resize(crypto::kNonceSize);
    auto opened = crypto::open(suite, level, *crypto::nonce_from(padded_nonce),
                               std::string_view(*blob).substr(nonce_size(suite)));
    if (!opened) return opened.error().code == Errc::kIntegrity ? not_decryptable() : opened.error();
    out = std::move(*opened);
  }
  level = path_step(level, out);
  return out;
}

Result<std::string> encrypt_components(CipherSuite suite, Key level, Components plain) {
  std::string out;
  for (bool first = true; plain; first = false) {
    auto component = encrypt_component(suite, level, take_component(plain));
    if (!component) return component;
    if (!first) out.push_back('/');
    out += *component;
  }
  return out;
}

Result<std::string> decrypt_components(CipherSuite suite, Key level, Components encrypted) {
  std::string out;
  for (bool first = true; encrypted; first = false) {
    auto component = decrypt_component(suite, level, take_component(encrypted));
    if (!component) return component;
    if (!first) out.push_back('/');
    out += *component;
  }
  return out;
}

std::string encode_segment(std::string_view blob) {
  if (blob.empty()) return "\x01";
  std::string out = "\x02";
  for (char c : blob) {
    if (auto escape = escape_of(c)) {
      out.push_back(escape->lead);
      out.push_back(escape->code);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::optional<std::string> decode_segment(std::string_view segment) {
  if (segment == "\x01") return std::string();
  if (segment.size() < 2 || segment[0] != '\x02') return std::nullopt;
  std::string out;
  for (size_t i = 1; i < segment.size(); ++i) {
    char c = segment[i];
    bool lead = c == '\x2e' || c == '\xfe' || c == '\x01';
    if (!lead) {
      if (escape_of(c)) return std::nullopt;  // 00, '/' and ff never stand alone
      out.push_back(c);
      continue;
    }
    if (++i == segment.size() || (segment[i] != 1 && segment[i] != 2)) return std::nullopt;
    // 2e and fe stand for themselves and the byte above, 01 for the byte below and itself.
    int base = c == '\x01' ? 0 : static_cast<uint8_t>(c);
    out.push_back(static_cast<char>(base + segment[i] - 1));
  }
  return out;
}

}  // namespace sjcp::access
