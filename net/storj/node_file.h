// The history of storage nodes in a private file of the user's.  It is a cache: what cannot be read or
// written is as if it were not there, and a line of the debug log is all that says so.
//
// Processes that end at the same time replace each other's file; what one of them found may be lost.
#pragma once

#include <span>
#include <string>

#include "net/storj/node_history.h"

namespace sjcp::storj {

NodeHistory load_nodes(const std::string& path);

// Adds what a run found to what the file has by now, in a folder that is made when it is missing.
void keep_nodes(const std::string& path, std::span<const NodeHistory::Finding> findings, Clock::Wall now);

}  // namespace sjcp::storj
