#include "net/s3/object_info.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/text.h"
#include "core/transfer/content.h"
#include "net/http/retry_after.h"

namespace sjcp::s3 {
namespace {

using transfer::Digest;
using transfer::DigestKind;

constexpr std::string_view kMeta = "x-amz-meta-";
// Kept by the service beside the metadata proper.
constexpr std::array<std::string_view, 6> kOfContent{"content-type",        "cache-control",
                                                     "content-disposition", "content-encoding",
                                                     "content-language",    "expires"};
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_of_content(std::string_view name) {
  return std::find(kOfContent.begin(), kOfContent.end(), name) != kOfContent.end();
}

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool is_md5(std::string_view etag) {
  return etag.size() == 32 && etag.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// A service that gives back what only requests have keeps what it was told with an object, also of its
// checksums, and does not make them: they may be of something else.
bool repeats_requests(const http::Head& head) {
  constexpr std::array kOfRequests{"x-amz-content-sha256", "x-amz-sdk-checksum-algorithm",
                                   "x-amz-decoded-content-length", "x-amz-date"};
  return std::any_of(kOfRequests.begin(), kOfRequests.end(),
                     [&](const char* name) { return head.header(name).has_value(); });
}

// "...-N": of an object that was put together of N parts.
bool tells_parts(std::string_view etag) {
  const size_t dash = etag.rfind('-');
  return dash != std::string_view::npos && dash + 1 < etag.size() &&
         etag.find_first_not_of("0123456789", dash + 1) == std::string_view::npos;
}

// Encrypted under keys of one's own, an object's ETag is a digest of something else.
bool etag_is_digest(const http::Head& head) {
  if (head.header("x-amz-server-side-encryption-customer-algorithm")) return false;
  return head.header("x-amz-server-side-encryption").value_or("").find("kms") == std::string::npos;
}

}  // namespace

std::optional<ContentRange> content_range(const http::Head& head) {
  const auto value = head.header("Content-Range");
  if (!value || !value->starts_with("bytes ")) return std::nullopt;
  std::string_view text = std::string_view(*value).substr(6);
  const auto first = take_number(text);
  if (!first || !text.starts_with('-')) return std::nullopt;
  text.remove_prefix(1);
  const auto last = take_number(text);
  if (!last || !text.starts_with('/')) return std::nullopt;
  text.remove_prefix(1);
  const auto size = take_number(text);
  if (!size || !text.empty() || *last < *first || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last + 1, *size};
}

std::optional<uint64_t> content_length(const http::Head& head) {
  const auto value = head.header("Content-Length");
  if (!value) return std::nullopt;
  std::string_view text(*value);
  const auto length = take_number(text);
  return text.empty() && length != transfer::kUnknownSize ? length : std::nullopt;
}

std::vector<Digest> digests_of(const http::Head& head, bool checksums, bool etags_are_md5) {
  struct Offered {
    const char* header;
    DigestKind kind;
    size_t size;
  };
  static constexpr std::array kOffered{Offered{"x-amz-checksum-crc64nvme", DigestKind::kCrc64Nvme, 8},
                                       Offered{"x-amz-checksum-crc32c", DigestKind::kCrc32c, 4},
                                       Offered{"x-amz-checksum-sha256", DigestKind::kSha256, 32},
                                       Offered{"x-amz-checksum-sha1", DigestKind::kSha1, 20}};
  const std::string etag = unquoted(head.header("ETag").value_or(""));
  const auto type = head.header("x-amz-checksum-type");
  const bool whole = type ? *type == "FULL_OBJECT" : !tells_parts(etag);
  const bool certain = checksums && whole && !repeats_requests(head);
  for (const auto& offered : kOffered) {
    const auto value = head.header(offered.header);
    if (!value || !certain) continue;
    // A digest of digests ends in "-N", which is no base64.
    const auto bytes = base64_decoded(*value);
    if (bytes && bytes->size() == offered.size) return {{offered.kind, to_hex(*bytes)}};
  }
  auto md5 = etags_are_md5 ? md5_in_etag(head) : std::nullopt;
  if (!md5) return {};
  return {*std::move(md5)};
}

std::optional<Digest> md5_in_etag(const http::Head& head) {
  const std::string etag = unquoted(head.header("ETag").value_or(""));
  if (!is_md5(etag) || !etag_is_digest(head)) return std::nullopt;
  return Digest{DigestKind::kMd5, lowered(etag)};
}

std::vector<Digest> digests_in_listing(std::string_view etag) {
  if (!is_md5(etag)) return {};
  return {{DigestKind::kMd5, lowered(etag)}};
}

std::map<std::string, std::string> metadata_of(const http::Head& head) {
  std::map<std::string, std::string> out;
  for (const auto& header : head.headers) {
    std::string name = lowered(header.name);
    if (name.starts_with(kMeta)) {
      out[name.substr(kMeta.size())] = header.value;
    } else if (is_of_content(name) && header.value != "binary/octet-stream") {
      out[std::move(name)] = header.value;
    }
  }
  return out;
}

bool is_portable(std::string_view key, std::string_view value) {
  constexpr std::string_view kToken =
      "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return !key.empty() && key.find_first_not_of(kToken) == std::string_view::npos && plain &&
         !value.starts_with(' ') && !value.ends_with(' ');
}

std::vector<http::Header> headers_of(const std::map<std::string, std::string>& metadata) {
  std::vector<http::Header> out;
  for (const auto& [key, value] : metadata) {
    std::string name = lowered(key);
    const bool whole = is_of_content(name) || name.starts_with(kMeta);
    out.push_back({whole ? std::move(name) : std::string(kMeta) + name, value});
  }
  return out;
}

std::optional<transfer::Time> modified(const http::Head& head) {
  const auto value = head.header("Last-Modified");
  const auto time = value ? http::parse_date(*value) : std::nullopt;
  if (!time) return std::nullopt;
  return transfer::Time(time->time_since_epoch());
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::string base64(ByteView bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t block = 0;
    for (size_t k = 0; k < 3; ++k) block = block << 8 | (k < count ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kBase64[block >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t block = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    block = block << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(block >> bits & 0xff);
  }
  return out;
}

}  // namespace sjcp::s3
