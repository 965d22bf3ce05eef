// What the satellite remembers: buckets, objects and segments, in memory, for one project.
//
// A committed object is an immutable record that readers share; an overwrite, a move or new metadata replaces
// it. Objects are ordered by their encrypted keys, byte by byte.  An object past its expiry does not exist
// for readers.
//
// Threads: any; every method is atomic.
// Errors: the status and text that the network's satellite gives.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "tests/network/piece_lease.h"
#include "tests/network/rpc.h"
#include "tests/network/types.h"

namespace sjcp::network {

// What the user attached to an object, sealed by the client.
struct UserData {
  std::string metadata;
  std::string nonce;  // empty or 24 bytes
  std::string key;
  std::string etag;
  int32_t checksum_algorithm = 0;
  bool checksum_composite = false;
  std::string checksum;

  bool has_data() const { return !metadata.empty() || !etag.empty() || !checksum.empty(); }
};

// kInvalidArgument unless key and nonce are there exactly when there is data.
Check check_user_data(const UserData& data);

struct Encryption {
  int32_t cipher = 0;
  int64_t block_size = 0;
};

struct PieceLocation {
  int32_t number = 0;
  access::NodeId node;
};

struct Segment {
  SegmentPosition position;
  Clock::Wall created_at{};
  std::string key_nonce;
  std::string key;
  int64_t encrypted_size = 0;
  int64_t plain_offset = 0;
  int64_t plain_size = 0;
  std::string etag;
  std::string checksum;
  std::string inline_data;
  // Remote segments only.
  Redundancy redundancy;
  std::string root_piece_id;
  std::vector<PieceLocation> pieces;
  std::shared_ptr<PieceLease> lease;

  bool is_inline() const { return pieces.empty(); }
};

// Names one upload.
struct StreamKey {
  std::string bucket;
  std::string object;     // encrypted object key
  std::string stream_id;  // 16 bytes
  int64_t version = 0;
};

struct Object {
  StreamKey stream;
  bool pending = false;
  Clock::Wall created_at{};
  std::optional<Clock::Wall> expires_at;
  Encryption encryption;
  UserData user_data;
  std::vector<Segment> segments;  // by position; of committed objects
  int64_t plain_size = 0;
  int64_t encrypted_size = 0;
};
using ObjectRef = std::shared_ptr<const Object>;

struct BucketInfo {
  std::string name;
  Clock::Wall created_at{};
  std::string user_agent;
};

struct BucketPage {
  std::vector<BucketInfo> items;
  bool more = false;
};

struct ListQuery {
  std::string bucket;
  std::string prefix;     // as keys begin; may end anywhere
  std::string delimiter;  // not empty
  std::string cursor;     // whole key; empty = from the start; exclusive
  bool recursive = false;
  bool pending = false;
  size_t limit = 1000;
};

struct ListEntry {
  std::string key;   // relative to the prefix
  ObjectRef object;  // null: `key` is a common prefix, delimiter included
};

struct ListPage {
  std::vector<ListEntry> items;
  bool more = false;
};

struct CommitOptions {
  std::optional<UserData> user_data;  // replaces what the upload began with
  Encryption encryption;              // used when the upload has none
  bool may_delete = false;            // an existing object may be replaced
  bool only_if_absent = false;
};

struct NewKey {
  SegmentPosition position;
  std::string nonce;
  std::string key;
};

struct CopyTarget {
  std::string bucket;
  std::string object;
  std::string stream_id;  // of the copy; unused by a move
  std::vector<NewKey> keys;
  std::optional<UserData> user_data;  // replaces the source's
  std::string metadata_nonce;         // otherwise these two do
  std::string metadata_key;
  bool may_delete = false;
  bool only_if_absent = false;
};

struct MetabaseLimits {
  int64_t min_part_bytes = 5 << 20;
  size_t max_parts = 10000;
};

class Metabase {
 public:
  explicit Metabase(const Clock& clock, MetabaseLimits limits = {}) : clock_(clock), limits_(limits) {}

  // ---- buckets ----
  bool create_bucket(const std::string& name, const std::string& user_agent);  // false: exists
  std::optional<BucketInfo> bucket(const std::string& name) const;
  // Number of objects deleted with it.  Code 5 or 9.
  Outcome<int64_t> delete_bucket(const std::string& name, bool delete_all);
  // Names from cursor on, after it unless inclusive, of those that `allowed` takes.
  BucketPage list_buckets(const std::string& cursor, bool inclusive, size_t limit,
                          const std::function<bool(const std::string&)>& allowed) const;

  // ---- uploads ----
  // Requires: the bucket exists (code 5 otherwise).  Fills in the version.
  Outcome<StreamKey> begin_object(Object object);
  bool pending_exists(const StreamKey& stream) const;
  ObjectRef pending(const StreamKey& stream) const;
  // Pieces that may be stored for the segment from now on, by root piece id.
  Check begin_segment(const StreamKey& stream, const std::string& root_piece_id,
                      std::shared_ptr<PieceLease> lease);
  void extend_segment(const StreamKey& stream, const std::string& root_piece_id,
                      const std::vector<PieceRef>& added);
  // Inline or remote; replaces the segment at that position.
  Check commit_segment(const StreamKey& stream, Segment segment);
  Outcome<ObjectRef> commit_object(const StreamKey& stream, const CommitOptions& options);
  Outcome<ObjectRef> delete_pending(const StreamKey& stream);

  // ---- objects ----
  ObjectRef object(const std::string& bucket, const std::string& key) const;  // null: none
  // Null: nothing was deleted.
  ObjectRef delete_object(const std::string& bucket, const std::string& key);
  ListPage list_objects(const ListQuery& query) const;
  // Uploads of one key, by stream id, after the cursor.
  ListPage list_pending_streams(const std::string& bucket, const std::string& key, const std::string& cursor,
                                size_t limit) const;
  // Requires: user_data valid.  Only the chosen parts change.
  Check update_metadata(const std::string& bucket, const std::string& key, const std::string& stream_id,
                        const UserData& data, bool custom, bool etag, bool checksum);
  // For tests: a satellite that mixes up what it keeps.  The object has other segments from now on.
  void replace_segments(const std::string& bucket, const std::string& key, std::vector<Segment> segments);
  Outcome<ObjectRef> copy_object(const StreamKey& source, const CopyTarget& target);
  Check move_object(const StreamKey& source, const CopyTarget& target);
  // Segments of a committed object or of an upload in progress, by position.
  std::vector<Segment> segments(const StreamKey& stream) const;

 private:
  struct Pending {
    Object object;
    std::map<SegmentPosition, Segment> segments;
    std::map<std::string, std::shared_ptr<PieceLease>> begun;
  };
  using PendingKey = std::pair<std::string, int64_t>;  // object key, version
  struct Bucket {
    BucketInfo info;
    std::map<std::string, ObjectRef> objects;
    std::map<PendingKey, Pending> pending;
  };

  bool live(const Object& object) const;
  const Bucket* find_bucket(const std::string& name) const;
  Bucket* find_bucket(const std::string& name);
  const Pending* find_pending(const StreamKey& stream) const;
  Pending* find_pending(const StreamKey& stream);
  ObjectRef find_object(const std::string& bucket, const std::string& key) const;
  // The pieces that a segment keeps from now on, taken from what its upload may store.
  static std::shared_ptr<PieceLease> claim_pieces(Pending& upload, const Segment& segment);
  Check check_parts(const std::map<SegmentPosition, Segment>& segments) const;
  Check check_replace(const std::string& bucket, const std::string& key, bool may_delete,
                      bool only_if_absent) const;
  Outcome<ObjectRef> find_source(const StreamKey& source, const CopyTarget& target,
                                 const char* changed) const;
  Object retarget(const Object& source, const CopyTarget& target) const;

  const Clock& clock_;
  const MetabaseLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
  int64_t last_version_ = 0;
};

}  // namespace sjcp::network
