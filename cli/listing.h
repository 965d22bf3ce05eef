// Listing by what a user typed: with a slash at the end a folder, without one the object of that name and
// what is below it, as uplink understands it.
#pragma once

#include <functional>
#include <stop_token>

#include "cli/location.h"
#include "net/storj/project.h"

namespace sjcp::cli {

struct ListRequest {
  Location location;  // remote
  bool recursive = false;
  bool pending = false;
  bool metadata = false;
};

// Items carry full keys.  Nothing found is not an error.
Status list_location(transfer::Store& store, const ListRequest& request,
                     const std::function<Status(const transfer::ObjectItem&)>& item,
                     const std::stop_token& stop);

}  // namespace sjcp::cli
