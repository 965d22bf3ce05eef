// Metalink documents: files with their mirrors, sizes and digests (RFC 5854, and version 3 before it).
//
// The text comes from anywhere: it is limited in size, may have no document type, and names are refused that
// would leave the destination folder.  Elements that are not known are skipped.
#pragma once

#include <string>
#include <string_view>

#include "cli/formats/wanted.h"
#include "core/base/result.h"

namespace sjcp::cli {

constexpr size_t kLargestMetalink = 10 << 20;

// Whether it looks like a Metalink document, by its first bytes.
bool is_metalink(std::string_view text);

// `source` names the document in errors and warnings.  kUsage: not well-formed, of another kind, above the
// limit, an unsafe or repeated name, a malformed digest, a file without a URL that can be used.
Result<WantedList> parse_metalink(std::string_view text, const std::string& source);

}  // namespace sjcp::cli
