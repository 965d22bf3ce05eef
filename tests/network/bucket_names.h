// The rules for bucket names (protocol notes 6.3).
#pragma once

#include <optional>
#include <string>

namespace sjcp::network {

// The text of what is wrong with the name; nullopt: nothing.
std::optional<std::string> check_bucket_name(const std::string& name);
// Only its length; what every request with a bucket is checked for.
std::optional<std::string> check_bucket_name_length(const std::string& name);

}  // namespace sjcp::network
