// Files of a copy that are found before their turn, so that a person soon learns how many there are and how
// long they take: finding goes on in a thread of its own, up to a bound, while those found first are copied.
//
// Threads: run() blocks its caller, in whose thread `take` is called; `find` runs in the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "cli/copy_plan.h"

namespace sjcp::cli {

class FoundAhead {
 public:
  // Of half a kilobyte and their names.
  static constexpr size_t kMost = 50'000;

  using Take = std::function<Status(CopyItem)>;
  using Find = std::function<Status(const Take& found)>;

  explicit FoundAhead(size_t most = kMost) : most_(most) {}

  // Everything that `find` hands over goes to `take`, in order.  The error that ended either; what was found
  // before an error of finding is taken all the same, and finding ends after an error of `take`.
  Status run(const Find& find, const Take& take);

 private:
  Status put(CopyItem item, const std::stop_token& ended);
  std::optional<CopyItem> next();

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<CopyItem> items_;
  bool complete_ = false;
};

}  // namespace sjcp::cli
