// What the headers of a reply say, taken apart; nothing here trusts its input.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/segment/layout.h"
#include "core/transfer/digest.h"
#include "net/http/client.h"

namespace sjcp::http {

using segment::ByteRange;

struct ContentRange {
  std::optional<ByteRange> bytes;  // nothing: "*", in a 416
  std::optional<uint64_t> total;   // nothing: "*"
};

// "bytes 0-4/10", "bytes 0-4/*", "bytes */10"; nothing: none of them, or a range that ends before it begins
// or behind its total.
std::optional<ContentRange> parse_content_range(std::string_view value);

// Content-Length; nothing: absent, no number, or several that differ.
std::optional<uint64_t> content_length(const Head& head);

// The Content-Length that says nothing, or that others contradict, where it would count; nothing: there is
// none such.
std::optional<std::string> bad_length(const Head& head);

// Content-Encoding in lower case; empty: none, or identity.
std::string content_encoding(const Head& head);
// The file of this name is what the encoding makes: "x.tar.gz" and gzip.
bool encoding_of_name(std::string_view encoding, std::string_view name);

// The file name that Content-Disposition gives (RFC 6266), made safe; empty: none.
std::string disposition_file_name(std::string_view value);

// Of the whole object: Repr-Digest, Digest, X-Goog-Hash.  One of each kind.
std::vector<transfer::Digest> promised_digests(const Head& head);

// What to do instead of giving this header by hand, since requests have their own; null: it may be given.
const char* reserved_header(std::string_view name);

// Nothing: not base64 (RFC 4648, with its padding).
std::optional<Bytes> from_base64(std::string_view text);

// Which version of an object replies are of.
class Validator {
 public:
  Validator() = default;
  explicit Validator(const Head& head);

  // Equal versions have equal bytes.  Empty: the server gives nothing that could tell.
  std::string version(uint64_t size) const;
  // What makes the server refuse (412) when the object has changed.
  void add_conditions(std::vector<Header>& headers) const;
  // The reply is of the same version, as far as its headers tell.
  bool holds(const Head& head) const;
  std::optional<std::chrono::system_clock::time_point> modified() const;
  // Sameness is certain, not only likely.
  bool strong() const { return !etag_.empty() && !weak_; }

 private:
  std::string etag_;  // with quotes, without W/
  bool weak_ = false;
  std::string modified_;  // Last-Modified as written
};

}  // namespace sjcp::http
