// A Storj project seen through one access grant: buckets, listings, objects.  What commands use.
//
// Threads: any.  Errors: kNotFound (bucket, object), kDenied, kConflict (bucket exists, not empty), kLimited,
// kNetwork after retries, kUsage (names against the rules); texts name the bucket or sj:// URL.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/access/grant.h"
#include "core/base/result.h"
#include "core/transfer/group_size.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/source.h"

namespace sjcp::storj {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

struct BucketItem {
  std::string name;
  Time created;
};

struct ObjectItem {
  std::string key;         // relative to the bucket (full key)
  bool is_prefix = false;  // ends in '/'; nothing below is meaningful then
  uint64_t size = 0;
  Time created;
  std::optional<Time> expires;
  std::map<std::string, std::string> metadata;  // only with ListOptions::metadata
};

struct ListOptions {
  std::string prefix;  // plain; "" or ends in '/'
  bool recursive = false;
  bool pending = false;  // uploads in progress instead of objects
  bool metadata = false;
};

struct ObjectOptions {
  std::map<std::string, std::string> metadata;
  std::optional<Time> expires;
};

// An object to be stored whose bytes are at hand.
struct SmallObject {
  std::string key;
  Bytes bytes;  // at most segment::kMaxInlineSize
};

struct ProjectOptions {
  std::string user_agent;  // product list, e.g. "sjcp/0.1.0"
};

class Project {
 public:
  // Does not talk to the satellite yet.  kUsage when the grant's satellite URL is malformed.
  static Result<std::unique_ptr<Project>> open(const access::Grant& grant, const ProjectOptions& options);
  virtual ~Project() = default;

  virtual Result<std::vector<BucketItem>> list_buckets(const std::stop_token& stop) = 0;
  virtual Status create_bucket(const std::string& bucket, const std::stop_token& stop) = 0;
  // force: also deletes what is in it.
  virtual Status delete_bucket(const std::string& bucket, bool force, const std::stop_token& stop) = 0;

  // Calls `item` page by page, in the satellite's order; an error from it ends the listing.
  virtual Status list_objects(const std::string& bucket, const ListOptions& options,
                              const std::function<Status(const ObjectItem&)>& item,
                              const std::stop_token& stop) = 0;
  virtual Result<ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                         const std::stop_token& stop) = 0;
  // kNotFound when there was nothing.
  virtual Status delete_object(const std::string& bucket, const std::string& key,
                               const std::stop_token& stop) = 0;
  // Many keys (any number); calls `result` for each in order.
  virtual Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                                const std::function<void(const std::string& key, const Status&)>& result,
                                const std::stop_token& stop) = 0;

  // Must not outlive the project.
  virtual std::unique_ptr<transfer::Source> open_object(const std::string& bucket,
                                                        const std::string& key) = 0;
  virtual Result<std::unique_ptr<transfer::ObjectWriter>> create_object(const std::string& bucket,
                                                                        const std::string& key,
                                                                        const ObjectOptions& options) = 0;

  // Sources of several small objects, which the first open() of any asks for together; they read whole
  // objects only.  To be opened soon after one another: what the satellite offers is good for a while.
  // sizes must outlive them.
  virtual std::vector<std::unique_ptr<transfer::Source>> open_objects(const std::string& bucket,
                                                                      std::vector<std::string> keys,
                                                                      transfer::GroupSize& sizes) = 0;
  // Stores small objects with few requests; blocks.  Calls `result` once for each, in any order, from this
  // thread.  An object that fails does not stop the others, unless they would fail in the same way.
  virtual void put_small_objects(const std::string& bucket, const std::vector<SmallObject>& objects,
                                 const ObjectOptions& options, transfer::GroupSize& sizes,
                                 const std::function<void(size_t object, const Status&)>& result,
                                 const transfer::Context& context) = 0;
};

// What the satellite counts for storing, or opening, a small object: GroupSize's cost.
inline constexpr unsigned kRequestsPerSmallUpload = 3;
inline constexpr unsigned kRequestsPerSmallDownload = 1;

// Bucket name rules of the network, checked before any request.  kUsage with the reason.
Status check_bucket_name(std::string_view bucket);

}  // namespace sjcp::storj
