// Folders below one that a person named.  What is below is chosen by keys, which come from others, and what
// already stands there may be anybody's: a symbolic link could lead anywhere, and is not followed.
//
// Errors: kLocalIo that names the link (ELOOP), or the file that is no folder (ENOTDIR).
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace sjcp::local {

struct Below {
  std::string named;      // the folder that the person named, links in it followed; "" or ending in '/'
  std::string relative;   // "", or folders below it: "a/b"
  bool dirlinks = false;  // links to folders are followed all the same

  std::string path() const { return named + relative; }
};

// That no link is on the way.  What does not exist is none.
Status check_no_links(const Below& folder);

// Makes what is missing; `made` gets each folder that was.
Status make_folders(const Below& folder, std::vector<std::string>& made);

// Of the link itself, for those who find one.
Error link_in_the_way(const std::string& link);

}  // namespace sjcp::local
