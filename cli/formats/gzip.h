// Texts that are packed by gzip, as aria2 takes and writes its lists.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::cli {

// Whether it begins as a gzip file does.
bool is_gzip(std::string_view bytes);

// What is packed in it: of all members, one after the other.  `source` names it in errors.  kUsage: more than
// `limit` bytes come out, or it is no whole gzip file.
Result<std::string> gunzip(std::string_view bytes, size_t limit, const std::string& source);

}  // namespace sjcp::cli
