// What this program is and what it runs on.
#pragma once

#include <string>

namespace sjcp::cli {

std::string user_agent();    // "sjcp/0.1.0"
std::string version_text();  // several lines: version, commit, libraries, code paths in use

}  // namespace sjcp::cli
