// Small questions of text that every room asks.  ASCII only: what others write in headers, lists and
// settings.
//
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

namespace sjcp {

// Without the blanks at either end; a part of `text`.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n");

// With small letters.
std::string lowered(std::string_view text);

}  // namespace sjcp
