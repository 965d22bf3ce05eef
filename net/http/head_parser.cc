#include "net/http/head_parser.h"

#include <string>

#include "core/base/text.h"
#include "net/http/headers.h"
#include "net/http/status.h"

namespace sjcp::http {
namespace {

// Of "HTTP/1.1 200 OK"; 0: none.
int status_of(std::string_view line) {
  int status = 0;
  for (size_t i = line.find(' ') + 1; i < line.size() && line[i] >= '0' && line[i] <= '9' && status < 100;
       ++i)
    status = status * 10 + (line[i] - '0');
  return status;
}

}  // namespace

Result<bool> HeadParser::take(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > kMostBytes || ++lines_ > kMostLines) return make_error(Errc::kProtocol, "headers without end");
  if (line.starts_with("HTTP/") && line.find(':') > line.find(' ')) {
    head_.headers.clear();
    head_.status = status_of(line);
    return false;
  }
  const std::string_view text = trimmed(line);
  if (text.empty()) {
    // What comes before the reply proper is followed by another head.
    if (head_.status < 200) return false;
    if (const auto bad = bad_length(head_)) {
      return make_error(Errc::kProtocol, "the reply has no length that can be read: " + one_line(*bad, 40),
                        head_.status);
    }
    return true;
  }
  if ((line.front() == ' ' || line.front() == '\t') && !head_.headers.empty()) {
    head_.headers.back().value += " " + std::string(text);
    return false;
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  head_.headers.push_back(
      {std::string(trimmed(text.substr(0, colon))), std::string(trimmed(text.substr(colon + 1))), false});
  return false;
}

}  // namespace sjcp::http
