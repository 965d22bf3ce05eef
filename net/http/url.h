// URLs as text: no request is made here.  Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sjcp::http {

// Begins with http:// or https://, case ignored.
bool is_url(std::string_view text);

// The URL for people: without user info, values in the query masked, no fragment, control characters escaped.
std::string shown_url(std::string_view url);

// The last component of the URL's path, unescaped, as a safe name of a file; empty when there is none.
std::string file_name_in(std::string_view url);

// What a server suggests as a name, made safe: its last component, without control characters, leading dots
// and tildes, trailing blanks and dots; at most 255 bytes.  Empty when nothing is left.
std::string safe_file_name(std::string_view name);

}  // namespace sjcp::http
