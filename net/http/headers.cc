#include "net/http/headers.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "net/http/retry_after.h"
#include "net/http/url.h"

namespace sjcp::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  // Nothing has 2^63 bytes, and sums of two numbers below that do not overflow.
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number >> 63 != 0)
    return std::nullopt;
  return number;
}

// One "name=value" of a list, quotes and escapes taken away; rest begins after it.
struct Parameter {
  std::string_view name;
  std::string value;
};

// Next parameter of "...; a=b; c=\"d\""; nothing at the end.  Malformed parts are passed over.
std::optional<Parameter> next_parameter(std::string_view& rest) {
  for (;;) {
    const size_t begin = rest.find_first_not_of("; \t");
    if (begin == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(begin);
    const size_t name_end = rest.find_first_of("=;\"");
    if (name_end == std::string_view::npos) return std::nullopt;
    Parameter parameter;
    parameter.name = trimmed(rest.substr(0, name_end));
    const char stopped = rest[name_end];
    rest.remove_prefix(name_end + 1);
    if (stopped != '=') continue;
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
    if (!rest.starts_with('"')) {
      const size_t end = std::min(rest.find(';'), rest.size());
      parameter.value = trimmed(rest.substr(0, end));
      rest.remove_prefix(end);
      return parameter;
    }
    size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      parameter.value += rest[i];
    }
    rest.remove_prefix(std::min(i + 1, rest.size()));
    return parameter;
  }
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t more = first < 0x80       ? 0
                        : first >> 5 == 6  ? 1
                        : first >> 4 == 14 ? 2
                        : first >> 3 == 30 ? 3
                                           : 4;
    if (more == 4 || i + more >= text.size()) return false;
    for (size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

// "UTF-8'en'na%C3%AFve.txt" (RFC 8187); nothing: malformed, or another charset.
std::optional<std::string> extended_value(std::string_view value) {
  const size_t first = value.find('\'');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = value.find('\'', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string decoded = percent_decoded(value.substr(second + 1));
  const std::string_view charset = value.substr(0, first);
  if (same_name(charset, "UTF-8")) return decoded;
  if (same_name(charset, "ISO-8859-1")) return utf8_of_latin1(decoded);
  return std::nullopt;
}

struct NamedDigest {
  std::string_view name;
  transfer::DigestKind kind;
  size_t bytes;
};

constexpr NamedDigest kNamed[] = {
    {"sha-512", transfer::DigestKind::kSha512, 64}, {"sha-256", transfer::DigestKind::kSha256, 32},
    {"sha", transfer::DigestKind::kSha1, 20},       {"md5", transfer::DigestKind::kMd5, 16},
    {"crc32c", transfer::DigestKind::kCrc32c, 4},
};

void add_digest(std::string_view name, std::string_view base64, std::vector<transfer::Digest>& digests) {
  const auto* known = std::find_if(std::begin(kNamed), std::end(kNamed),
                                   [&](const NamedDigest& one) { return same_name(one.name, name); });
  if (known == std::end(kNamed)) return;
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != known->bytes) return;
  const bool there = std::any_of(digests.begin(), digests.end(),
                                 [&](const transfer::Digest& digest) { return digest.kind == known->kind; });
  if (!there) digests.push_back({known->kind, to_hex(*bytes)});
}

// "sha-256=:BASE64:, sha-512=:...:" or without the colons.
void add_digests(std::string_view list, std::vector<transfer::Digest>& digests) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = item.substr(equals + 1);
    if (value.size() >= 2 && value.front() == ':' && value.back() == ':')
      value = value.substr(1, value.size() - 2);
    add_digest(item.substr(0, equals), value, digests);
  }
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
  value = trimmed(value);
  if (value.size() < 6 || !same_name(value.substr(0, 5), "bytes") || value[5] != ' ') return std::nullopt;
  value = trimmed(value.substr(6));
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view range = value.substr(0, slash);
  const std::string_view total = value.substr(slash + 1);
  ContentRange parsed;
  if (total != "*") {
    parsed.total = parse_number(total);
    if (!parsed.total) return std::nullopt;
  }
  if (range == "*") return parsed;
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(range.substr(0, dash));
  const auto last = parse_number(range.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  if (parsed.total && *last >= *parsed.total) return std::nullopt;
  parsed.bytes = ByteRange{*first, *last + 1};
  return parsed;
}

std::optional<uint64_t> content_length(const Head& head) {
  std::optional<uint64_t> length;
  for (const Header& header : head.headers) {
    if (!same_name(header.name, "Content-Length")) continue;
    // Repeated, also in one line: "42, 42" (RFC 9110, 8.6).
    for (std::string_view rest = header.value;;) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const auto number = parse_number(trimmed(rest.substr(0, comma)));
      if (!number || (length && *length != *number)) return std::nullopt;
      length = number;
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  // Chunks have the last word (RFC 9112, 6.3).
  if (head.header("Transfer-Encoding")) return std::nullopt;
  return length;
}

std::optional<std::string> bad_length(const Head& head) {
  if (head.header("Transfer-Encoding")) return std::nullopt;
  if (content_length(head)) return std::nullopt;
  return head.header("Content-Length");
}

std::string content_encoding(const Head& head) {
  std::string encoding = head.header("Content-Encoding").value_or("");
  std::transform(encoding.begin(), encoding.end(), encoding.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return encoding == "identity" ? "" : encoding;
}

bool encoding_of_name(std::string_view encoding, std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {"gzip", ".gz"},  {"gzip", ".tgz"},  {"gzip", ".svgz"},  {"br", ".br"},
      {"zstd", ".zst"}, {"zstd", ".tzst"}, {"compress", ".Z"}, {"bzip2", ".bz2"},
  };
  if (encoding.starts_with("x-")) encoding.remove_prefix(2);
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](const auto& known) {
    return encoding == known.first && name.ends_with(known.second);
  });
}

std::string disposition_file_name(std::string_view value) {
  const size_t type_end = value.find(';');
  if (type_end == std::string_view::npos) return "";
  std::string_view rest = value.substr(type_end);
  std::string plain;
  std::string extended;
  while (const auto parameter = next_parameter(rest)) {
    if (same_name(parameter->name, "filename") && plain.empty()) {
      // Outside ASCII it is UTF-8 from some, and Latin-1 from those who keep to the letter.
      plain = is_utf8(parameter->value) ? parameter->value : utf8_of_latin1(parameter->value);
    }
    if (same_name(parameter->name, "filename*") && extended.empty()) {
      extended = safe_file_name(extended_value(parameter->value).value_or(""));
    }
  }
  return extended.empty() ? safe_file_name(plain) : extended;
}

std::vector<transfer::Digest> promised_digests(const Head& head) {
  std::vector<transfer::Digest> digests;
  // Those of something encoded are not of the bytes that the user wants.
  if (!content_encoding(head).empty()) return digests;
  // Unpacked on the way: what is promised is of the packed form.
  const bool unpacked = head.header("X-Goog-Stored-Content-Encoding").value_or("identity") != "identity";
  for (const Header& header : head.headers) {
    for (const std::string_view name : {"Repr-Digest", "Digest", "X-Goog-Hash"}) {
      if (same_name(header.name, name) && !(unpacked && name == "X-Goog-Hash"))
        add_digests(header.value, digests);
    }
  }
  return digests;
}

const char* reserved_header(std::string_view name) {
  if (same_name(name, "Range") || same_name(name, "If-Range")) return "--range asks for a part";
  for (const char* each : {"Content-Length", "Transfer-Encoding", "If-Match", "If-Unmodified-Since"}) {
    if (same_name(name, each)) return "leave it out";
  }
  return nullptr;
}

std::optional<Bytes> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Bytes out;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t digit = i >= text.size() - padding ? 0 : kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<uint8_t>(bits >> shift));
    bits = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

Validator::Validator(const Head& head) : modified_(head.header("Last-Modified").value_or("")) {
  std::string tag = head.header("ETag").value_or("");
  if (tag.starts_with("W/")) {
    weak_ = true;
    tag.erase(0, 2);
  }
  // Some servers forget the quotes; what has none cannot be sent back as a tag.
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') etag_ = tag;
}

std::string Validator::version(uint64_t size) const {
  if (strong()) return "etag " + etag_;
  if (modified_.empty()) return "";
  return "modified " + modified_ + " size " + std::to_string(size) +
         (etag_.empty() ? "" : " etag W/" + etag_);
}

void Validator::add_conditions(std::vector<Header>& headers) const {
  // Not If-Range: it makes every one of many streams send the new object whole.
  if (strong()) {
    headers.push_back({"If-Match", etag_, false});
  } else if (!modified_.empty()) {
    headers.push_back({"If-Unmodified-Since", modified_, false});
  }
}

bool Validator::holds(const Head& head) const {
  const Validator other(head);
  if (strong()) return other.strong() && other.etag_ == etag_;
  return other.etag_ == etag_ && other.modified_ == modified_;
}

std::optional<std::chrono::system_clock::time_point> Validator::modified() const {
  return parse_date(modified_);
}

}  // namespace sjcp::http
