#include "tests/network/metabase.h"

#include <algorithm>

#include "tests/network/order_signing.h"

namespace sjcp::network {
namespace {

RpcFailure bucket_missing(const std::string& name) {
  return failure(code::kNotFound, "bucket not found: " + name);
}
RpcFailure pending_missing() {
  return failure(code::kNotFound, "pending object missing");
}
RpcFailure invalid(const std::string& text) {
  return failure(code::kInvalidArgument, "metabase: invalid request: " + text);
}
RpcFailure precondition(const std::string& text) {
  return failure(code::kFailedPrecondition, "metabase: failed precondition: " + text);
}

Check check_stream(const StreamKey& stream) {
  if (stream.bucket.empty()) return invalid("BucketName missing");
  if (stream.object.empty()) return invalid("ObjectKey missing");
  return {};
}

}  // namespace

Check check_user_data(const UserData& data) {
  if (data.nonce.empty() != data.key.empty()) {
    return invalid("EncryptedMetadataNonce and EncryptedMetadataEncryptedKey must always be set together");
  }
  if (data.has_data() && data.key.empty()) {
    return invalid(
        "EncryptedMetadataNonce and EncryptedMetadataEncryptedKey must be set when EncryptedMetadata, "
        "EncryptedETag, or Checksum.EncryptedValue are set");
  }
  if (!data.has_data() && !data.key.empty()) {
    return invalid(
        "EncryptedMetadataNonce and EncryptedMetadataEncryptedKey must be empty when EncryptedMetadata, "
        "EncryptedETag, and Checksum.EncryptedValue are empty");
  }
  return {};
}

// ---- finding things ----

bool Metabase::live(const Object& object) const {
  return !object.expires_at || *object.expires_at > clock_.wall_now();
}

const Metabase::Bucket* Metabase::find_bucket(const std::string& name) const {
  const auto at = buckets_.find(name);
  return at == buckets_.end() ? nullptr : &at->second;
}

Metabase::Bucket* Metabase::find_bucket(const std::string& name) {
  const auto at = buckets_.find(name);
  return at == buckets_.end() ? nullptr : &at->second;
}

const Metabase::Pending* Metabase::find_pending(const StreamKey& stream) const {
  const Bucket* bucket = find_bucket(stream.bucket);
  if (bucket == nullptr) return nullptr;
  const auto at = bucket->pending.find({stream.object, stream.version});
  if (at == bucket->pending.end() || at->second.object.stream.stream_id != stream.stream_id) return nullptr;
  return &at->second;
}

Metabase::Pending* Metabase::find_pending(const StreamKey& stream) {
  return const_cast<Pending*>(std::as_const(*this).find_pending(stream));
}

ObjectRef Metabase::find_object(const std::string& bucket, const std::string& key) const {
  const Bucket* found = find_bucket(bucket);
  if (found == nullptr) return nullptr;
  const auto at = found->objects.find(key);
  return at == found->objects.end() || !live(*at->second) ? nullptr : at->second;
}

// ---- buckets ----

bool Metabase::create_bucket(const std::string& name, const std::string& user_agent) {
  std::lock_guard lock(mutex_);
  Bucket bucket;
  bucket.info = {name, clock_.wall_now(), user_agent};
  return buckets_.emplace(name, std::move(bucket)).second;
}

std::optional<BucketInfo> Metabase::bucket(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const Bucket* found = find_bucket(name);
  if (found == nullptr) return std::nullopt;
  return found->info;
}

Outcome<int64_t> Metabase::delete_bucket(const std::string& name, bool delete_all) {
  std::lock_guard lock(mutex_);
  Bucket* found = find_bucket(name);
  if (found == nullptr) return bucket_missing(name);
  const size_t count = found->objects.size() + found->pending.size();
  if (count > 0 && !delete_all) return failure(code::kFailedPrecondition, "bucket not empty");
  buckets_.erase(name);
  return static_cast<int64_t>(count);
}

BucketPage Metabase::list_buckets(const std::string& cursor, bool inclusive, size_t limit,
                                  const std::function<bool(const std::string&)>& allowed) const {
  std::lock_guard lock(mutex_);
  BucketPage page;
  auto at = inclusive ? buckets_.lower_bound(cursor) : buckets_.upper_bound(cursor);
  for (; at != buckets_.end(); ++at) {
    if (!allowed(at->first)) continue;
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(at->second.info);
  }
  return page;
}

// ---- uploads ----

Outcome<StreamKey> Metabase::begin_object(Object object) {
  std::lock_guard lock(mutex_);
  Bucket* bucket = find_bucket(object.stream.bucket);
  if (bucket == nullptr) return bucket_missing(object.stream.bucket);
  if (auto failed = check_stream(object.stream)) return *failed;
  if (auto failed = check_user_data(object.user_data)) return *failed;
  object.pending = true;
  object.created_at = clock_.wall_now();
  object.stream.version = ++last_version_;
  const StreamKey stream = object.stream;
  bucket->pending[{stream.object, stream.version}].object = std::move(object);
  return stream;
}

bool Metabase::pending_exists(const StreamKey& stream) const {
  std::lock_guard lock(mutex_);
  return find_pending(stream) != nullptr;
}

ObjectRef Metabase::pending(const StreamKey& stream) const {
  std::lock_guard lock(mutex_);
  const Pending* found = find_pending(stream);
  return found == nullptr ? nullptr : std::make_shared<const Object>(found->object);
}

Check Metabase::begin_segment(const StreamKey& stream, const std::string& root_piece_id,
                              std::shared_ptr<PieceLease> lease) {
  std::lock_guard lock(mutex_);
  Pending* found = find_pending(stream);
  if (found == nullptr) return pending_missing();
  found->begun[root_piece_id] = std::move(lease);
  return {};
}

void Metabase::extend_segment(const StreamKey& stream, const std::string& root_piece_id,
                              const std::vector<PieceRef>& added) {
  std::lock_guard lock(mutex_);
  Pending* found = find_pending(stream);
  if (found == nullptr) return;
  const auto lease = found->begun.find(root_piece_id);
  if (lease == found->begun.end()) return;
  for (const PieceRef& piece : added) lease->second->add(piece);
}

Check Metabase::commit_segment(const StreamKey& stream, Segment segment) {
  if (segment.key.empty()) return invalid("EncryptedKey missing");
  if (segment.key_nonce.empty()) return invalid("EncryptedKeyNonce missing");
  if (!segment.is_inline() && segment.encrypted_size <= 0) return invalid("EncryptedSize negative or zero");
  if (segment.plain_size < 0 || (!segment.is_inline() && segment.plain_size == 0)) {
    return invalid("PlainSize negative or zero");
  }
  std::lock_guard lock(mutex_);
  Pending* found = find_pending(stream);
  if (found == nullptr) return pending_missing();
  segment.created_at = clock_.wall_now();
  if (!segment.is_inline() && found->begun.count(segment.root_piece_id) == 0) return pending_missing();
  found->segments[segment.position] = std::move(segment);
  return {};
}

Check Metabase::check_parts(const std::map<SegmentPosition, Segment>& segments) const {
  std::map<uint32_t, int64_t> part_bytes;
  std::map<uint32_t, uint32_t> part_segments;
  for (const auto& [position, segment] : segments) {
    part_bytes[position.part] += segment.plain_size;
    if (part_segments[position.part]++ != position.index) {
      return precondition("segments of part number " + std::to_string(position.part) +
                          " have a gap before index " + std::to_string(position.index));
    }
  }
  if (part_bytes.size() > limits_.max_parts) {
    return precondition("exceeded maximum number of parts: " + std::to_string(limits_.max_parts));
  }
  for (const auto& [part, bytes] : part_bytes) {
    if (part == part_bytes.rbegin()->first || bytes >= limits_.min_part_bytes) continue;
    return precondition("size of part number " + std::to_string(part) + " is below minimum threshold, got: " +
                        size_text(bytes) + ", min: " + size_text(limits_.min_part_bytes));
  }
  return {};
}

Check Metabase::check_replace(const std::string& bucket, const std::string& key, bool may_delete,
                              bool only_if_absent) const {
  if (find_object(bucket, key) == nullptr) return {};
  if (only_if_absent) return precondition("object already exists");
  if (!may_delete) {
    return failure(code::kPermissionDenied, "permission denied: no permissions to delete existing object");
  }
  return {};
}

std::shared_ptr<PieceLease> Metabase::claim_pieces(Pending& upload, const Segment& segment) {
  const auto begun = upload.begun.find(segment.root_piece_id);
  if (segment.is_inline() || begun == upload.begun.end()) return nullptr;
  std::set<std::string> ids;
  for (const PieceLocation& piece : segment.pieces) {
    ids.insert(derive_piece_id(segment.root_piece_id, piece.node, piece.number));
  }
  return begun->second->split(ids);
}

Outcome<ObjectRef> Metabase::commit_object(const StreamKey& stream, const CommitOptions& options) {
  if (options.user_data) {
    if (auto failed = check_user_data(*options.user_data)) return *failed;
  }
  std::lock_guard lock(mutex_);
  Pending* found = find_pending(stream);
  if (found == nullptr) {
    return failure(code::kNotFound,
                   "object not found: metabase: object with specified version and pending status is missing");
  }
  if (auto failed = check_replace(stream.bucket, stream.object, options.may_delete, options.only_if_absent)) {
    return *failed;
  }
  Object object = found->object;
  object.pending = false;
  if (options.user_data) object.user_data = *options.user_data;
  if (object.encryption.cipher == 0) object.encryption = options.encryption;
  if (object.encryption.cipher == 0) return invalid("Encryption is missing");
  if (object.encryption.block_size <= 0) return invalid("Encryption.BlockSize is negative or zero");
  if (auto failed = check_parts(found->segments)) return *failed;
  for (const auto& [position, segment] : found->segments) {
    object.segments.push_back(segment);
    object.segments.back().plain_offset = object.plain_size;
    object.segments.back().lease = claim_pieces(*found, segment);
    object.plain_size += segment.plain_size;
    object.encrypted_size += segment.encrypted_size;
  }
  auto committed = std::make_shared<const Object>(std::move(object));
  Bucket* bucket = find_bucket(stream.bucket);
  bucket->objects[stream.object] = committed;
  bucket->pending.erase({stream.object, stream.version});
  return ObjectRef(committed);
}

Outcome<ObjectRef> Metabase::delete_pending(const StreamKey& stream) {
  std::lock_guard lock(mutex_);
  Pending* found = find_pending(stream);
  if (found == nullptr) return failure(code::kNotFound, "object not found: metabase: no rows deleted");
  auto object = std::make_shared<const Object>(found->object);
  find_bucket(stream.bucket)->pending.erase({stream.object, stream.version});
  return ObjectRef(object);
}

// ---- objects ----

ObjectRef Metabase::object(const std::string& bucket, const std::string& key) const {
  std::lock_guard lock(mutex_);
  return find_object(bucket, key);
}

ObjectRef Metabase::delete_object(const std::string& bucket, const std::string& key) {
  std::lock_guard lock(mutex_);
  ObjectRef found = find_object(bucket, key);
  if (Bucket* owner = find_bucket(bucket)) owner->objects.erase(key);
  return found;
}

Check Metabase::update_metadata(const std::string& bucket, const std::string& key,
                                const std::string& stream_id, const UserData& data, bool custom, bool etag,
                                bool checksum) {
  if (auto failed = check_user_data(data)) return failed;
  std::lock_guard lock(mutex_);
  const ObjectRef found = find_object(bucket, key);
  if (found == nullptr || found->stream.stream_id != stream_id)
    return failure(code::kNotFound, "object not found: ");
  const UserData& old = found->user_data;
  // The key is replaced as a whole, so what it does not seal anew would be lost.
  if ((!custom && !old.metadata.empty()) || (!etag && !old.etag.empty()) ||
      (!checksum && !old.checksum.empty())) {
    return failure(code::kNotFound, "object not found: ");
  }
  Object changed = *found;
  changed.user_data = data;
  if (!custom) changed.user_data.metadata.clear();
  if (!etag) changed.user_data.etag.clear();
  if (!checksum) changed.user_data.checksum.clear();
  find_bucket(bucket)->objects[key] = std::make_shared<const Object>(std::move(changed));
  return {};
}

void Metabase::replace_segments(const std::string& bucket, const std::string& key,
                                std::vector<Segment> segments) {
  std::lock_guard lock(mutex_);
  const ObjectRef found = find_object(bucket, key);
  if (found == nullptr) return;
  Object changed = *found;
  changed.segments = std::move(segments);
  find_bucket(bucket)->objects[key] = std::make_shared<const Object>(std::move(changed));
}

std::vector<Segment> Metabase::segments(const StreamKey& stream) const {
  std::lock_guard lock(mutex_);
  std::vector<Segment> out;
  if (const Pending* found = find_pending(stream)) {
    for (const auto& [position, segment] : found->segments) out.push_back(segment);
    return out;
  }
  const ObjectRef object = find_object(stream.bucket, stream.object);
  if (object != nullptr && object->stream.stream_id == stream.stream_id) out = object->segments;
  return out;
}

// ---- copy and move ----

Outcome<ObjectRef> Metabase::find_source(const StreamKey& source, const CopyTarget& target,
                                         const char* operation) const {
  if (target.object.empty()) return invalid("NewEncryptedObjectKey is missing");
  const ObjectRef found = find_object(source.bucket, source.object);
  if (found == nullptr) return failure(code::kNotFound, "object not found: source object not found");
  if (found->stream.stream_id != source.stream_id) {
    return failure(code::kNotFound, std::string("object not found: object was changed during ") + operation);
  }
  if (target.keys.size() != found->segments.size()) {
    return invalid("wrong number of segments keys received (received " + std::to_string(target.keys.size()) +
                   ", need " + std::to_string(found->segments.size()) + ")");
  }
  for (size_t i = 0; i < target.keys.size(); ++i) {
    if (target.keys[i].position != found->segments[i].position)
      return failure(code::kInternal, "internal error");
  }
  if (find_bucket(target.bucket) == nullptr) return bucket_missing(target.bucket);
  return found;
}

Object Metabase::retarget(const Object& source, const CopyTarget& target) const {
  Object out = source;
  out.stream.bucket = target.bucket;
  out.stream.object = target.object;
  for (size_t i = 0; i < target.keys.size(); ++i) {
    out.segments[i].key = target.keys[i].key;
    out.segments[i].key_nonce = target.keys[i].nonce;
  }
  if (target.user_data) {
    out.user_data = *target.user_data;
  } else {
    out.user_data.nonce = target.metadata_nonce;
    out.user_data.key = target.metadata_key;
  }
  return out;
}

Outcome<ObjectRef> Metabase::copy_object(const StreamKey& source, const CopyTarget& target) {
  std::lock_guard lock(mutex_);
  Outcome<ObjectRef> found = find_source(source, target, "copy");
  if (!found) return found;
  Object copy = retarget(**found, target);
  if (auto failed = check_user_data(copy.user_data)) return *failed;
  if (auto failed = check_replace(target.bucket, target.object, target.may_delete, target.only_if_absent)) {
    return *failed;
  }
  copy.stream.stream_id = target.stream_id;
  copy.stream.version = ++last_version_;
  copy.created_at = clock_.wall_now();
  auto committed = std::make_shared<const Object>(std::move(copy));
  find_bucket(target.bucket)->objects[target.object] = committed;
  return ObjectRef(committed);
}

Check Metabase::move_object(const StreamKey& source, const CopyTarget& target) {
  std::lock_guard lock(mutex_);
  Outcome<ObjectRef> found = find_source(source, target, "move");
  if (!found) return found.failed();
  Object moved = retarget(**found, target);
  if (auto failed = check_user_data(moved.user_data)) return failed;
  const bool in_place = source.bucket == target.bucket && source.object == target.object;
  if (!in_place) {
    if (auto failed = check_replace(target.bucket, target.object, target.may_delete, false)) return failed;
  }
  moved.stream.version = ++last_version_;
  find_bucket(source.bucket)->objects.erase(source.object);
  find_bucket(target.bucket)->objects[target.object] = std::make_shared<const Object>(std::move(moved));
  return {};
}

}  // namespace sjcp::network
