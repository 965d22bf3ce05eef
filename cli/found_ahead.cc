#include "cli/found_ahead.h"

#include <thread>
#include <utility>

namespace sjcp::cli {

Status FoundAhead::put(CopyItem item, const std::stop_token& ended) {
  std::unique_lock lock(mutex_);
  const bool room = changed_.wait(lock, ended, [this] { return items_.size() < most_; });
  if (!room || ended.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  items_.push_back(std::move(item));
  changed_.notify_all();
  return {};
}

std::optional<CopyItem> FoundAhead::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return complete_ || !items_.empty(); });
  if (items_.empty()) return std::nullopt;
  CopyItem item = std::move(items_.front());
  items_.pop_front();
  changed_.notify_all();
  return item;
}

Status FoundAhead::run(const Find& find, const Take& take) {
  Status found;
  Status taken;
  {
    std::jthread finder([&](const std::stop_token& ended) {
      found = find([&](CopyItem item) { return put(std::move(item), ended); });
      std::lock_guard lock(mutex_);
      complete_ = true;
      changed_.notify_all();
    });
    while (taken) {
      auto item = next();
      if (!item) break;
      taken = take(*std::move(item));
    }
  }
  return taken ? found : taken;
}

}  // namespace sjcp::cli
