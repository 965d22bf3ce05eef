// Which of many failures to report.
//
// When parts of one job fail for different reasons, the one that tells the user most about what to do is
// shown: a wrong byte before a refused permission, that before a broken connection, and anything before
// "cancelled", which only says that a sibling failed first.
#pragma once

#include <optional>

#include "core/base/result.h"

namespace sjcp::transfer {

// Higher is more telling.  Distinct for every Errc.
int error_rank(Errc code);

// Keeps the most telling of the errors it is given; the first among equals.  Threads: one at a time.
class WorstError {
 public:
  void add(Error error);
  const std::optional<Error>& get() const { return error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace sjcp::transfer
