// Who gets a name at the destination when several sources of a copy lead to it: the first.  The others are
// conflicts that name both, except where one source was named twice, which is copied once.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "cli/copy_plan.h"
#include "core/transfer/name_claims.h"

namespace sjcp::cli {

class CopyNames {
 public:
  // request must outlive it, and have its lists already.
  explicit CopyNames(const CopyRequest& request);

  // Before the item is copied.  A name that a server may still exchange is taken with take_suggested() only.
  // Sets item.again where the same source goes to the same place, item.refused (kConflict) where another
  // does.
  void take(CopyItem& item);
  // Once the server has told the name.
  Status take_suggested(const CopyItem& item);

 private:
  std::string name_of(const Location& to);
  std::string holder_text(uint32_t origin, const Location& to) const;
  Error conflict(const CopyItem& item, uint32_t origin) const;

  const CopyRequest& request_;
  // What is below one source has names of its own: then nothing needs to be remembered.
  const bool needed_;
  transfer::NameClaims claims_;
  std::mutex mutex_;  // guards what follows: the last folder that was looked up
  std::string folder_;
  std::string real_folder_;
};

}  // namespace sjcp::cli
