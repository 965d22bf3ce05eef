// A model hub as a store that is read: a bucket is a repository at a revision, an object one of its files.
//
// A revision is turned into a commit once, and everything is fetched by that commit.  What a listing told of
// a file is remembered: opening it then asks nothing.
//
// Buckets: what Repo::parse() takes.  ObjectItem::etag and ObjectInfo::version name the contents: the SHA-256
// of large files, git's blob SHA-1 of the others; either is also in digests.
// Errors: those of transfer::Store; kUnsupported for everything that writes; kUsage offline.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/transfer/store.h"
#include "net/hf/hub_api.h"
#include "net/hf/mirror.h"

namespace sjcp::hf {

struct HubOptions {
  Settings settings;
  // Where large files are looked for before the hub is asked: a prefix or template (mirror.h).  Empty:
  // nowhere.
  std::string mirror;
  // Opens a location of the mirror: https://, http://, sj://, s3://.  Needed with a mirror; must stay good
  // while the hub is in use.
  std::function<Result<std::unique_ptr<transfer::Source>>(const std::string& location)> open;
};

// A large file, and where a mirror has it below its prefix.
struct MirroredFile {
  HubFile file;
  std::string key;
};

class Hub final : public transfer::Store {
 public:
  // The client must outlive the hub.  kUsage: a mirror that is no location.
  static Result<std::unique_ptr<Hub>> create(http::Client& client, HubOptions options);
  ~Hub() override;

  // The commit that the bucket's revision is; asked once.
  Result<std::string> commit(const std::string& bucket, const std::stop_token& stop);
  // What a mirror of the repository has to hold, in the published layout.
  Result<std::vector<MirroredFile>> files_to_mirror(const std::string& bucket, const std::stop_token& stop);

  Status check_bucket(const std::string& bucket) const override;
  Result<std::vector<transfer::BucketItem>> list_buckets(const std::stop_token& stop) override;
  Status create_bucket(const std::string& bucket, const std::stop_token& stop) override;
  Status delete_bucket(const std::string& bucket, bool force, const std::stop_token& stop) override;
  Status list_objects(const std::string& bucket, const transfer::ListOptions& options,
                      const std::function<Status(const transfer::ObjectItem&)>& item,
                      const std::stop_token& stop) override;
  Result<transfer::ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                           const std::stop_token& stop) override;
  Status delete_object(const std::string& bucket, const std::string& key,
                       const std::stop_token& stop) override;
  Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                        const std::function<void(const std::string& key, const Status&)>& result,
                        const std::stop_token& stop) override;
  std::unique_ptr<transfer::Source> open_object(const std::string& bucket, const std::string& key) override;
  Result<std::unique_ptr<transfer::ObjectWriter>> create_object(const std::string& bucket,
                                                                const std::string& key,
                                                                const transfer::ObjectOptions& options,
                                                                std::optional<uint64_t> size) override;

 private:
  Hub(http::Client& client, HubOptions options);
  // kUsage: the bucket is no repository.
  Result<std::shared_ptr<class Snapshot>> snapshot(const std::string& bucket);

  http::Client& client_;
  const HubOptions options_;
  HubApi api_;
  transfer::Counters counters_;  // of questions that belong to no transfer
  std::mutex mutex_;             // guards what follows
  std::unordered_map<std::string, std::shared_ptr<Snapshot>> snapshots_;  // by Repo::text()
};

}  // namespace sjcp::hf
