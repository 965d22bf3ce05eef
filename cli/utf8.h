// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sjcp::cli {

struct Letter {
  char32_t code = 0;
  size_t bytes = 0;
};

// The character at the beginning; nothing: the first byte begins none.  Requires: !text.empty().
std::optional<Letter> first_letter(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace sjcp::cli
