// Lists of downloads as `aria2c -i` reads them.
//
//   URL [TAB URL]...          one file and its mirrors
//     name=value              lines that begin with a blank: options of the file above
//   # a comment
//
// Options that are heeded: out, dir, checksum, header (repeatable), referer, user-agent, http-user and
// http-passwd, split and max-connection-per-server.  Some that change nothing here are accepted; each of the
// others leads to one warning.
#pragma once

#include <string>
#include <string_view>

#include "cli/formats/wanted.h"
#include "core/base/result.h"

namespace sjcp::cli {

constexpr size_t kLargestInputFile = 64 << 20;

// `source` names the list in errors and warnings.  kUsage, with the line: above the limit, no URL where one
// belongs, options before any URL, a malformed value or header, an unsafe name.
Result<WantedList> parse_input_file(std::string_view text, const std::string& source);

}  // namespace sjcp::cli
