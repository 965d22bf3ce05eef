// Ends a listing that would not end by itself: a hub that sends the same pages again, pages without files,
// more of them than a repository has, or each of them so late that it would take for ever.
//
// Pure: time is the caller's.  Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_set>

#include "core/base/result.h"

namespace sjcp::hf {

class PageLimits {
 public:
  static constexpr size_t kMostPages = 50'000;  // the hub has 1,000 files in each
  static constexpr size_t kMostEmpty = 8;       // in a row
  // Of waiting for the hub.  What is done with the files between two pages does not count.
  static constexpr std::chrono::minutes kLongestWait{60};

  // first: the address of the first page.
  PageLimits(std::string where, const std::string& first);

  // After a page of `files` files that was waited for so long, when another one is at `next`.  kProtocol:
  // enough.
  Status another(const std::string& next, size_t files, std::chrono::nanoseconds waited);

 private:
  const std::string where_;
  std::unordered_set<size_t> seen_;  // hashes of addresses
  size_t empty_ = 0;
  std::chrono::nanoseconds waited_{0};
};

}  // namespace sjcp::hf
