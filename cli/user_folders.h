// Where the program keeps what it remembers between runs, by the XDG rules.
#pragma once

#include <string>

#include "cli/io.h"

namespace sjcp::cli {

// Of unfinished uploads; empty: nowhere.
std::string uploads_folder(const Io& io);

// Of storage nodes (storj::ProjectOptions::nodes_file); empty: nowhere, or it is not wanted.
std::string nodes_file(const Io& io);
// Of satellites (storj::ProjectOptions::satellites_file); empty: nowhere.
std::string satellites_file(const Io& io);

}  // namespace sjcp::cli
