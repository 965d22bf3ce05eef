// Heads of HTTP replies made of text: a line with the status, then "Name: value" lines, as a server could
// send them.
#pragma once

#include <algorithm>
#include <string>

#include "net/http/client.h"
#include "tests/fuzz/require.h"

namespace sjcp::fuzz {

inline http::Head head_of(std::string_view text) {
  http::Head head;
  head.url = "https://host/folder/name";
  for (const char c : take_line(text).substr(0, 3)) head.status = head.status * 10 + (c - '0');
  head.status = std::clamp(head.status, 100, 999);
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    value.remove_prefix(std::min(value.find_first_not_of(" \t\r"), value.size()));
    head.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  }
  return head;
}

}  // namespace sjcp::fuzz
