// What every fuzzer's body needs: to say what must hold, and heads of replies made of text.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace sjcp::fuzz {

// Ends the process where it does not hold; the fuzzer, or the replay, keeps the input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// The first line of a text; what follows it stays in `text`.
inline std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// One component of a path that may be made in any folder.
inline bool is_safe_name(std::string_view name) {
  if (name.empty()) return true;
  if (name == "." || name == ".." || name.size() > 255) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\') return false;
  }
  return true;
}

}  // namespace sjcp::fuzz
