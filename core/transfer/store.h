// A service that keeps objects in buckets, as commands use it: a Storj project, an S3 endpoint, a model hub.
//
// Threads: any.  Errors: kNotFound (bucket, object), kDenied, kConflict (bucket exists, not empty), kLimited,
// kNetwork after retries, kUsage (names against the rules), kUnsupported (not offered by this service); texts
// name the bucket or the URL.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/digest.h"
#include "core/transfer/group_size.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/source.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::transfer {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

struct BucketItem {
  std::string name;
  Time created;
};

struct ObjectItem {
  std::string key;         // relative to the bucket (full key)
  bool is_prefix = false;  // ends in '/'; nothing below is meaningful then
  uint64_t size = 0;
  Time created;  // or last changed, where the service tells only that
  std::optional<Time> expires;
  std::map<std::string, std::string> metadata;  // stat_object(), and listings with ListOptions::metadata
  std::string etag;  // as the service spells it, without quotes; empty: it has none
  std::vector<Digest>
      digests;  // of the object's bytes, to compare with: the MD5 that an ETag seems to be, too
};

struct ListOptions {
  std::string prefix;  // plain; "" or ends in '/'
  bool recursive = false;
  bool pending = false;  // uploads in progress instead of objects
  bool metadata = false;
  uint64_t* hidden = nullptr;  // grows by the items whose names the access cannot decrypt; null: not counted
};

struct ObjectOptions {
  std::map<std::string, std::string> metadata;
  bool bare = false;  // a copy without metadata is wanted; otherwise one keeps what its original has
  std::optional<Time> expires;

  // Whether a copy has the metadata that is here instead of its original's.
  bool replaces_metadata() const { return bare || !metadata.empty(); }
};

// An object to be stored whose bytes are at hand.
struct SmallObject {
  std::string key;
  Bytes bytes;  // at most segment::kMaxInlineSize
};

class Store {
 public:
  virtual ~Store() = default;

  // The bucket's name against the rules of the service, before any request.  kUsage with the reason.
  virtual Status check_bucket(const std::string& bucket) const = 0;

  virtual Result<std::vector<BucketItem>> list_buckets(const std::stop_token& stop) = 0;
  virtual Status create_bucket(const std::string& bucket, const std::stop_token& stop) = 0;
  // force: also deletes what is in it.
  virtual Status delete_bucket(const std::string& bucket, bool force, const std::stop_token& stop) = 0;

  // Calls `item` page by page, in the service's order; an error from it ends the listing.
  virtual Status list_objects(const std::string& bucket, const ListOptions& options,
                              const std::function<Status(const ObjectItem&)>& item,
                              const std::stop_token& stop) = 0;
  virtual Result<ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                         const std::stop_token& stop) = 0;
  // kNotFound when there was nothing, where the service tells.
  virtual Status delete_object(const std::string& bucket, const std::string& key,
                               const std::stop_token& stop) = 0;
  // Many keys (any number); calls `result` for each in order.
  virtual Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                                const std::function<void(const std::string& key, const Status&)>& result,
                                const std::stop_token& stop) = 0;

  // All unfinished uploads of this key.
  virtual Status delete_pending(const std::string& bucket, const std::string& key,
                                const std::stop_token& stop) {
    static_cast<void>(stop);
    return make_error(Errc::kUnsupported, bucket + "/" + key + ": unfinished uploads cannot be removed here");
  }

  // Names the account at the service among all, the same in every process, without secrets: whose
  // UploadNotes this store can remove.  Empty: it notes nothing.
  virtual std::string service() const { return ""; }
  // Removes what a run that died had begun: its note of it (UploadNotes).  Also when nothing is there any
  // more.  remembered: what else is known of uploads, and that note.  An error: it may still be there.
  virtual Status remove_begun(const std::string& pending, const RememberedUploads& remembered,
                              const std::stop_token& stop) {
    static_cast<void>(pending), static_cast<void>(remembered), static_cast<void>(stop);
    return {};
  }

  // Must not outlive the store.
  virtual std::unique_ptr<Source> open_object(const std::string& bucket, const std::string& key) = 0;
  // size: of the object, when it is known.
  virtual Result<std::unique_ptr<ObjectWriter>> create_object(const std::string& bucket,
                                                              const std::string& key,
                                                              const ObjectOptions& options,
                                                              std::optional<uint64_t> size) = 0;

  // Copies within the service, no byte passing through here.  kUnsupported: it has to be read and written.
  virtual Status copy_object(const std::string& from_bucket, const std::string& from_key,
                             const std::string& to_bucket, const std::string& to_key,
                             const ObjectOptions& options, const Context& context) {
    static_cast<void>(to_bucket), static_cast<void>(to_key), static_cast<void>(options),
        static_cast<void>(context);
    return make_error(Errc::kUnsupported, from_bucket + "/" + from_key + ": no copying within the service");
  }

  // What groups of small objects cost at the service; null: there are no groups, each goes by itself.
  struct GroupCosts {
    unsigned upload = 1;  // GroupSize's cost of an object
    unsigned download = 1;
  };
  virtual const GroupCosts* group_costs() const { return nullptr; }

  // The rest is for stores that have group costs.

  // Sources of several small objects, which the first open() of any asks for together; they read whole
  // objects only.  To be opened soon after one another: what the service offers is good for a while.
  // sizes must outlive them.
  virtual std::vector<std::unique_ptr<Source>> open_objects(const std::string& bucket,
                                                            std::vector<std::string> keys, GroupSize& sizes) {
    static_cast<void>(bucket), static_cast<void>(keys), static_cast<void>(sizes);
    return {};
  }
  // Stores small objects with few requests; blocks.  Calls `result` once for each, in any order, from this
  // thread.  An object that fails does not stop the others, unless they would fail in the same way.
  virtual void put_small_objects(const std::string& bucket, const std::vector<SmallObject>& objects,
                                 const ObjectOptions& options, GroupSize& sizes,
                                 const std::function<void(size_t object, const Status&)>& result,
                                 const Context& context) {
    static_cast<void>(bucket), static_cast<void>(options), static_cast<void>(sizes),
        static_cast<void>(context);
    for (size_t i = 0; i < objects.size(); ++i) {
      result(i, make_error(Errc::kUnsupported, objects[i].key + ": no groups here"));
    }
  }
};

}  // namespace sjcp::transfer
