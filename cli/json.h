// JSON lines that are valid whatever bytes the strings hold: bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sjcp::cli {

using Json = nlohmann::ordered_json;  // fields print in the order they were set

// With its line end.
inline std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sjcp::cli
