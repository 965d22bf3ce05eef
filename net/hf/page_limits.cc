#include "net/hf/page_limits.h"

#include <functional>
#include <utility>

namespace sjcp::hf {

PageLimits::PageLimits(std::string where, const std::string& first) : where_(std::move(where)) {
  seen_.insert(std::hash<std::string>()(first));
}

Status PageLimits::another(const std::string& next, size_t files, std::chrono::nanoseconds waited) {
  const auto endless = [this](const char* why) {
    return make_error(Errc::kProtocol, where_ + ": the hub's listing does not end: " + why);
  };
  waited_ += waited;
  empty_ = files == 0 ? empty_ + 1 : 0;
  if (!seen_.insert(std::hash<std::string>()(next)).second) return endless("a page leads back to another");
  if (empty_ > kMostEmpty) return endless("its pages are empty");
  if (seen_.size() > kMostPages) return endless("it has more pages than any repository");
  if (waited_ > kLongestWait) return endless("its pages have taken an hour");
  return {};
}

}  // namespace sjcp::hf
