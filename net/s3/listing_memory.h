// What listings told of objects, so that opening one of them asks nothing.
//
// Threads: any.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/transfer/store.h"

namespace sjcp::s3 {

class ListingMemory {
 public:
  // Beyond so many it takes no more.
  static constexpr size_t kMost = 100'000;

  void add(const std::string& bucket, const transfer::ObjectItem& item) {
    if (item.is_prefix || item.etag.empty()) return;
    const std::lock_guard lock(mutex_);
    if (items_.size() < kMost) items_.insert_or_assign(bucket + "/" + item.key, item);
  }
  // Good for one use: who opens the object again wants to know what it is then.
  std::optional<transfer::ObjectItem> take(const std::string& bucket, const std::string& key) {
    const std::lock_guard lock(mutex_);
    auto found = items_.extract(bucket + "/" + key);
    if (found.empty()) return std::nullopt;
    return std::move(found.mapped());
  }
  void forget(const std::string& bucket, const std::string& key) { take(bucket, key); }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, transfer::ObjectItem> items_;
};

}  // namespace sjcp::s3
