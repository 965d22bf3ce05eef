// The head of a reply, line by line as it comes; nothing here trusts its input.
//
// Pure.  Errors: kProtocol.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::http {

class HeadParser {
 public:
  // Of one request's heads, those before the reply proper (100, 103) included.
  static constexpr size_t kMostBytes = 1 << 20;
  static constexpr size_t kMostLines = 5'000;

  // One line with its end.  True: it was the last; head() is the reply's.
  Result<bool> take(std::string_view line);
  bool begun() const { return bytes_ > 0; }
  Head& head() { return head_; }

 private:
  Head head_;
  size_t bytes_ = 0;
  size_t lines_ = 0;
};

}  // namespace sjcp::http
