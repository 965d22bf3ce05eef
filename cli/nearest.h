// What somebody who mistyped a word may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sjcp::cli {

// The known word that is nearest by letters added, left out, exchanged or swapped with their neighbour: one
// for short words, two for long ones.  Empty: none is near, or two are equally near.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

// "; did you mean WORD?", or nothing.
std::string suggestion(std::string_view typed, const std::vector<std::string>& known);

}  // namespace sjcp::cli
