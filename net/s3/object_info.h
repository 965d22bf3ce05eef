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

// Digests of the whole object that the head promises, the cheapest to compute first: checksums of kind
// FULL_OBJECT, and the ETag where it is an MD5.
std::vector<transfer::Digest> digests_of(const http::Head& head);

// x-amz-meta-*, and what is kept about the content, under the names of the headers in lower case.
std::map<std::string, std::string> metadata_of(const http::Head& head);
// The reverse.
std::vector<http::Header> headers_of(const std::map<std::string, std::string>& metadata);

std::optional<transfer::Time> modified(const http::Head& head);
std::string unquoted(std::string_view etag);

std::string base64(ByteView bytes);
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace sjcp::s3
