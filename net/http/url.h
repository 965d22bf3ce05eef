// URLs of http and https, taken apart byte for byte and never rewritten: a signature may cover every byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::http {

// Begins with http:// or https://, case ignored.
bool is_url(std::string_view text);

struct Url {
  std::string scheme;     // "http" or "https"
  std::string user_info;  // as written, without '@'
  std::string host;       // lower case, in its ASCII form (IDNA); an IPv6 address has its brackets
  uint16_t port = 0;      // the scheme's own where none is written
  std::string target;     // from the path on, with the query, without the fragment; at least "/"

  // kUsage: not such a URL; its text shows the URL without secrets.
  static Result<Url> parse(std::string_view text);

  std::string origin() const;        // "https://host:port"
  std::string shown_origin() const;  // "https://host/", as people write it
  std::string text() const;          // with user info; the port only where it is not the scheme's own
  std::string_view path() const;
  bool secure() const { return scheme == "https"; }
  bool same_origin(const Url& other) const { return origin() == other.origin(); }
};

// What a Location header means beside the URL that was asked (RFC 3986, 5.2).
Result<Url> resolve_location(const Url& base, std::string_view location);

// "%41" to "A"; malformed escapes stay.
std::string percent_decoded(std::string_view text);

// The last segment of the URL's path, decoded and made a safe file name; empty: there is none.
std::string url_file_name(std::string_view url);

// A name from elsewhere as one component of a path: the last component, without control characters, leading
// dots and tildes, trailing blanks and dots; at most 255 bytes, cut between characters before its extension.
// May end up empty.
std::string safe_file_name(std::string_view name);

// The URL for people: without user info, values in the query masked.
std::string shown_url(std::string_view url);

}  // namespace sjcp::http
