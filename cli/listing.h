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
  uint64_t* hidden = nullptr;  // as in transfer::ListOptions
};

// "sj://b/p/: 3 names there do not decrypt ...": for people.
std::string hidden_text(const Location& at, uint64_t hidden);

// Items carry full keys.  Nothing found is not an error.
Status list_location(transfer::Store& store, const ListRequest& request,
                     const std::function<Status(const transfer::ObjectItem&)>& item,
                     const std::stop_token& stop);

// An error that says there is no object, for a name of which there is a prefix: says that, and what to do. So
// does one for a name that looks like a prefix. Other errors stay as they are.
Error explain_missing(Error error, transfer::Store& store, const Location& at, const char* what_to_do,
                      const std::stop_token& stop);

}  // namespace sjcp::cli
