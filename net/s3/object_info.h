// What the headers of an object say.  Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/transfer/digest.h"
#include "core/transfer/store.h"
#include "net/http/client.h"

namespace sjcp::s3 {

// "bytes 5-9/10": [first, last + 1) and the size of the object.
struct ContentRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size = 0;
};
std::optional<ContentRange> content_range(const http::Head& head);
std::optional<uint64_t> content_length(const http::Head& head);

// The digest of the whole object that the head promises, if it promises one for certain, the cheapest to
// compute: a checksum of kind FULL_OBJECT, and the ETag where the service is known to make it an MD5.  Not
// those of digests of parts: they end in "-N", or their kind says it, or the ETag tells of parts and the
// kind is not told.  Nor checksums of a service that only repeats what it was sent.
std::vector<transfer::Digest> digests_of(const http::Head& head, bool checksums, bool etags_are_md5);
// The ETag where it looks like an MD5, and nothing says that it is none.
std::optional<transfer::Digest> md5_in_etag(const http::Head& head);

// What a listing's ETag (without quotes) may be: of an object that was stored at once and is not encrypted
// under keys of its own, its MD5.
std::vector<transfer::Digest> digests_in_listing(std::string_view etag);

// x-amz-meta-*, and what is kept about the content, under the names of the headers in lower case.
std::map<std::string, std::string> metadata_of(const http::Head& head);
// Whether a header can carry an entry that was made elsewhere.
bool is_portable(std::string_view key, std::string_view value);
// The reverse.  What a gateway has stored under the name of its header keeps that name.
std::vector<http::Header> headers_of(const std::map<std::string, std::string>& metadata);

std::optional<transfer::Time> modified(const http::Head& head);
std::string unquoted(std::string_view etag);

std::string base64(ByteView bytes);
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace sjcp::s3
