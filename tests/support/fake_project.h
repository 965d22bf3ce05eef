// Buckets and objects in memory behind storj::Project.  The bytes outlive the projects that commands open, so
// that a test looks at them before and after a run.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "net/storj/project.h"

namespace sjcp::test {

struct FakeObject {
  std::string bytes;
  std::map<std::string, std::string> metadata;
  std::optional<storj::Time> expires;
};

// What the satellite and its nodes hold, and what shall go wrong.  Threads: fetches from any, guarded by
// mutex.
struct FakeCloud {
  std::map<std::string, std::map<std::string, FakeObject>> buckets;
  std::map<std::string, std::set<std::string>> pending;
  uint64_t hidden = 0;  // names in every listing that do not decrypt
  storj::Time created{std::chrono::seconds(1'700'000'000)};
  uint64_t segment_size = 1000;
  std::string version = "v1";  // of every object

  // Knobs: an error for an operation ("list_buckets", "create_bucket", "delete_bucket", "list", "stat",
  // "delete", "create", "commit") or for "fetch <key>", "delete <key>"; and a hook at every fetch.
  std::map<std::string, Error> fail;
  std::function<void()> on_fetch;

  // What was seen.
  std::vector<size_t> delete_batches;
  std::vector<size_t> open_groups;
  std::vector<size_t> put_groups;
  std::string satellite;
  storj::ProjectOptions options;
  std::chrono::milliseconds patience{0};
  std::mutex mutex;

  Status failure(const std::string& operation) const {
    auto found = fail.find(operation);
    return found == fail.end() ? Status() : Status(found->second);
  }
};

inline Error no_object(const std::string& bucket, const std::string& key) {
  return make_error(Errc::kNotFound, "sj://" + bucket + "/" + key + ": object not found");
}

class FakeObjectSource final : public transfer::Source {
 public:
  FakeObjectSource(FakeCloud& cloud, std::string bucket, std::string key)
      : cloud_(cloud), bucket_(std::move(bucket)), key_(std::move(key)) {}

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range, const transfer::Context&) override {
    auto bucket = cloud_.buckets.find(bucket_);
    if (bucket == cloud_.buckets.end()) {
      return make_error(Errc::kNotFound, "sj://" + bucket_ + ": bucket not found");
    }
    auto object = bucket->second.find(key_);
    if (object == bucket->second.end()) return no_object(bucket_, key_);
    bytes_ = object->second.bytes;
    auto resolved = range.resolve(bytes_.size());
    if (!resolved) return with_context(resolved.error(), "sj://" + bucket_ + "/" + key_);
    transfer::ObjectInfo info;
    info.name = "sj://" + bucket_ + "/" + key_;
    info.size = bytes_.size();
    info.range = *resolved;
    info.created = std::chrono::time_point_cast<std::chrono::system_clock::duration>(cloud_.created);
    info.version = cloud_.version;
    info.metadata = object->second.metadata;
    info.expires = object->second.expires;
    for (uint64_t at = resolved->begin; at < resolved->end;) {
      uint64_t end = std::min((at / cloud_.segment_size + 1) * cloud_.segment_size, resolved->end);
      segments_.push_back({segments_.size(), {at, end}});
      at = end;
    }
    return info;
  }
  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  uint64_t memory_per_segment() const override { return cloud_.segment_size; }
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override {
    if (cloud_.on_fetch) cloud_.on_fetch();
    if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
    if (auto failed = cloud_.failure("fetch " + key_); !failed) return failed;
    return output.write(segment.bytes.begin, ByteView(bytes_).sub(segment.bytes.begin, segment.bytes.size()));
  }

 private:
  FakeCloud& cloud_;
  const std::string bucket_;
  const std::string key_;
  std::string bytes_;
  std::vector<transfer::Segment> segments_;
};

class FakeObjectWriter final : public transfer::ObjectWriter {
 public:
  FakeObjectWriter(FakeCloud& cloud, std::string bucket, std::string key, storj::ObjectOptions options)
      : cloud_(cloud), bucket_(std::move(bucket)), key_(std::move(key)), options_(std::move(options)) {}

  uint64_t segment_size() const override { return cloud_.segment_size; }
  uint64_t memory_per_segment() const override { return cloud_.segment_size; }
  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index) override {
    auto segment = std::make_unique<Segment>();
    segment->index = index;
    return std::unique_ptr<transfer::SegmentWriter>(std::move(segment));
  }
  Status finish_segment(std::unique_ptr<transfer::SegmentWriter> segment, bool,
                        const transfer::Context&) override {
    auto& one = static_cast<Segment&>(*segment);
    std::lock_guard lock(mutex_);
    segments_[one.index] = std::move(one.bytes);
    return {};
  }
  Status commit(const transfer::Context&) override {
    std::lock_guard lock(cloud_.mutex);
    if (auto failed = cloud_.failure("commit"); !failed) return failed;
    FakeObject object{"", options_.metadata, options_.expires};
    for (const auto& [index, bytes] : segments_) object.bytes += bytes;
    cloud_.buckets.at(bucket_)[key_] = std::move(object);
    return {};
  }
  void abort() override {}

 private:
  struct Segment final : transfer::SegmentWriter {
    Status append(ByteView data) override {
      bytes += data.text();
      return {};
    }
    uint64_t index = 0;
    std::string bytes;
  };

  FakeCloud& cloud_;
  const std::string bucket_;
  const std::string key_;
  const storj::ObjectOptions options_;
  std::mutex mutex_;
  std::map<uint64_t, std::string> segments_;
};

class FakeProject final : public storj::Project {
 public:
  explicit FakeProject(FakeCloud& cloud) : cloud_(cloud) {}

  Result<std::vector<storj::BucketItem>> list_buckets(const std::stop_token&) override {
    if (auto failed = cloud_.failure("list_buckets"); !failed) return failed.error();
    std::vector<storj::BucketItem> items;
    items.reserve(cloud_.buckets.size());
    for (const auto& [name, objects] : cloud_.buckets) items.push_back({name, cloud_.created});
    return items;
  }

  Status create_bucket(const std::string& bucket, const std::stop_token&) override {
    if (auto failed = cloud_.failure("create_bucket"); !failed) return failed;
    if (!cloud_.buckets.try_emplace(bucket).second) {
      return make_error(Errc::kConflict, "sj://" + bucket + ": bucket already exists");
    }
    return {};
  }

  Status delete_bucket(const std::string& bucket, bool force, const std::stop_token&) override {
    auto found = cloud_.buckets.find(bucket);
    if (found == cloud_.buckets.end()) return no_bucket(bucket);
    if (!found->second.empty() && !force) {
      return make_error(Errc::kConflict,
                        "sj://" + bucket + ": bucket not empty; use --force to delete what is in it");
    }
    cloud_.buckets.erase(found);
    return {};
  }

  Status list_objects(const std::string& bucket, const storj::ListOptions& options,
                      const std::function<Status(const storj::ObjectItem&)>& item,
                      const std::stop_token&) override {
    if (auto failed = cloud_.failure("list"); !failed) return failed;
    auto found = cloud_.buckets.find(bucket);
    if (found == cloud_.buckets.end()) return no_bucket(bucket);
    if (options.hidden != nullptr) *options.hidden += cloud_.hidden;
    auto objects = found->second;  // a copy: the callback may delete
    if (options.pending) {
      objects.clear();
      for (const auto& key : cloud_.pending[bucket]) objects[key];
    }
    std::string last_prefix;
    for (const auto& [key, object] : objects) {
      if (!key.starts_with(options.prefix)) continue;
      size_t slash = key.find('/', options.prefix.size());
      storj::ObjectItem one;
      if (!options.recursive && slash != std::string::npos) {
        one.key = key.substr(0, slash + 1);
        one.is_prefix = true;
        if (std::exchange(last_prefix, one.key) == one.key) continue;
      } else {
        one = describe(key, object, options.metadata);
      }
      if (auto ok = item(one); !ok) return ok;
    }
    return {};
  }

  Result<storj::ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                        const std::stop_token&) override {
    if (auto failed = cloud_.failure("stat"); !failed) return failed.error();
    auto found = cloud_.buckets.find(bucket);
    if (found == cloud_.buckets.end()) return no_bucket(bucket);
    auto object = found->second.find(key);
    if (object == found->second.end()) return no_object(bucket, key);
    return describe(key, object->second, true);
  }

  Status delete_object(const std::string& bucket, const std::string& key, const std::stop_token&) override {
    if (auto failed = cloud_.failure("delete"); !failed) return failed;
    if (auto failed = cloud_.failure("delete " + key); !failed) return failed;
    auto found = cloud_.buckets.find(bucket);
    if (found == cloud_.buckets.end()) return no_bucket(bucket);
    if (found->second.erase(key) == 0) return no_object(bucket, key);
    return {};
  }

  Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                        const std::function<void(const std::string& key, const Status&)>& result,
                        const std::stop_token& stop) override {
    cloud_.delete_batches.push_back(keys.size());
    for (const auto& key : keys) result(key, delete_object(bucket, key, stop));
    return {};
  }

  Status check_bucket(const std::string& bucket) const override { return storj::check_bucket_name(bucket); }
  const GroupCosts* group_costs() const override {
    static constexpr GroupCosts kCosts{3, 1};
    return &kCosts;
  }

  std::unique_ptr<transfer::Source> open_object(const std::string& bucket, const std::string& key) override {
    return std::make_unique<FakeObjectSource>(cloud_, bucket, key);
  }

  Result<std::unique_ptr<transfer::ObjectWriter>> create_object(const std::string& bucket,
                                                                const std::string& key,
                                                                const storj::ObjectOptions& options,
                                                                std::optional<uint64_t> = {}) override {
    std::lock_guard lock(cloud_.mutex);
    if (auto failed = cloud_.failure("create"); !failed) return failed.error();
    if (cloud_.buckets.count(bucket) == 0) return no_bucket(bucket);
    return std::unique_ptr<transfer::ObjectWriter>(
        std::make_unique<FakeObjectWriter>(cloud_, bucket, key, options));
  }

  std::vector<std::unique_ptr<transfer::Source>> open_objects(const std::string& bucket,
                                                              std::vector<std::string> keys,
                                                              transfer::GroupSize&) override {
    {
      std::lock_guard lock(cloud_.mutex);
      cloud_.open_groups.push_back(keys.size());
    }
    std::vector<std::unique_ptr<transfer::Source>> sources;
    sources.reserve(keys.size());
    for (const auto& key : keys) sources.push_back(open_object(bucket, key));
    return sources;
  }

  void put_small_objects(const std::string& bucket, const std::vector<storj::SmallObject>& objects,
                         const storj::ObjectOptions& options, transfer::GroupSize&,
                         const std::function<void(size_t, const Status&)>& result,
                         const transfer::Context& context) override {
    {
      std::lock_guard lock(cloud_.mutex);
      cloud_.put_groups.push_back(objects.size());
    }
    for (size_t i = 0; i < objects.size(); ++i) {
      auto writer = create_object(bucket, objects[i].key, options);
      if (!writer) {
        result(i, writer.error());
        continue;
      }
      auto segment = (*writer)->begin_segment(0);
      Status status = (*segment)->append(ByteView(objects[i].bytes));
      if (status) status = (*writer)->finish_segment(std::move(*segment), true, context);
      if (status) status = (*writer)->commit(context);
      result(i, status);
    }
  }

 private:
  static Error no_bucket(const std::string& bucket) {
    return make_error(Errc::kNotFound, "sj://" + bucket + ": bucket not found");
  }
  storj::ObjectItem describe(const std::string& key, const FakeObject& object, bool metadata) const {
    storj::ObjectItem one;
    one.key = key;
    one.size = object.bytes.size();
    one.created = cloud_.created;
    one.expires = object.expires;
    if (metadata) one.metadata = object.metadata;
    return one;
  }

  FakeCloud& cloud_;
};

}  // namespace sjcp::test
