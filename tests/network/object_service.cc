#include "tests/network/object_service.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/crypto/hash.h"
#include "tests/network/bucket_names.h"
#include "tests/network/object_reply.h"

namespace sjcp::network {
namespace {

constexpr int32_t kMaxListLimit = 1000;
constexpr int kMaxDeleteItems = 1000;
constexpr size_t kStreamIdSize = 16;

RpcFailure object_missing() {
  return failure(code::kNotFound, "object not found: metabase: sql: no rows in result set");
}

bool is_pending(int32_t status) {
  return status == pb::OBJECT_STATUS_UPLOADING;
}

}  // namespace

Outcome<size_t> list_limit(int32_t asked) {
  if (asked < 0) return failure(code::kInvalidArgument, "limit is negative");
  return static_cast<size_t>(asked == 0 ? kMaxListLimit : std::min(asked, kMaxListLimit));
}

Check check_bucket_field(const std::string& bucket) {
  if (auto wrong = check_bucket_name_length(bucket)) return failure(code::kInvalidArgument, *wrong);
  return {};
}

Check check_version_field(const std::string& version) {
  if (version.empty() || version.size() == 16) return {};
  return failure(code::kInvalidArgument, "metainfo: invalid object version length");
}

Outcome<bool> only_if_absent(const google::protobuf::RepeatedPtrField<std::string>& if_none_match) {
  if (if_none_match.empty()) return false;
  if (if_none_match.size() == 1 && if_none_match.Get(0) == "*") return true;
  return failure(code::kUnimplemented, "not implemented: IfNoneMatch only supports a single value of '*'");
}

Outcome<ObjectRef> ObjectService::find(const std::string& bucket, const std::string& key,
                                       const std::string& version) const {
  if (key.empty()) return failure(code::kInvalidArgument, "metabase: invalid request: ObjectKey missing");
  ObjectRef object = state_.metabase.object(bucket, key);
  if (object == nullptr) return object_missing();
  if (!version.empty() && version != object_version(object->stream)) return object_missing();
  return object;
}

// ---- upload ----

Outcome<std::optional<Clock::Wall>> ObjectService::expiry(const pb::BeginObjectRequest& request,
                                                          const Credentials& credentials) const {
  const Clock::Wall now = state_.clock.wall_now();
  const auto ttl = credentials.max_object_ttl();
  std::optional<Clock::Wall> latest;
  if (ttl) latest = now + std::chrono::duration_cast<Clock::Wall::duration>(*ttl);
  if (!request.has_expires_at() || !is_set(request.expires_at())) return latest;
  const Clock::Wall asked = to_wall(request.expires_at());
  if (asked < now) {
    return failure(code::kInvalidArgument, "invalid expiration time, cannot be in the past");
  }
  if (latest && asked > *latest) {
    return failure(code::kInvalidArgument,
                   "invalid expiration time, cannot be longer than " + duration_text(*ttl));
  }
  return std::optional<Clock::Wall>(asked);
}

Outcome<pb::BeginObjectResponse> ObjectService::begin(const pb::BeginObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  const std::string& key = request.encrypted_object_key();
  if (auto failed = credentials->require(Action::kWrite, request.bucket(), key)) return *failed;
  const auto expires_at = expiry(request, *credentials);
  if (!expires_at) return expires_at.failed();
  if (key.size() > state_.config.max_key_bytes) {
    return failure(code::kInvalidArgument, "key length is too big, got " + std::to_string(key.size()) +
                                               ", maximum allowed is " +
                                               std::to_string(state_.config.max_key_bytes));
  }
  Object object;
  object.user_data = user_data_of(request.encrypted_metadata(), request.encrypted_metadata_nonce(),
                                  request.encrypted_metadata_encrypted_key(), request.encrypted_etag(),
                                  request.checksum_algorithm(), request.is_checksum_composite(),
                                  request.encrypted_checksum());
  if (auto failed = check_metadata_size(state_, object.user_data)) return *failed;
  if (auto failed = check_checksum(state_, object.user_data, false)) return *failed;
  object.stream = {request.bucket(), key, crypto::random_string(kStreamIdSize), 0};
  object.expires_at = *expires_at;
  object.encryption = {request.encryption_parameters().cipher_suite(),
                       request.encryption_parameters().block_size()};
  const auto stream = state_.metabase.begin_object(object);
  if (!stream) return stream.failed();
  object.stream = *stream;
  pb::BeginObjectResponse out;
  out.set_bucket(request.bucket());
  out.set_encrypted_object_key(key);
  out.set_stream_id(state_.tokens.seal(stream_token(object)));
  set_redundancy(*out.mutable_redundancy_scheme(), state_.placements.of(request.bucket()).scheme(0));
  return out;
}

Outcome<pb::CommitObjectResponse> ObjectService::commit(const pb::CommitObjectRequest& request) {
  const auto token = state_.tokens.open_stream(request.stream_id());
  if (!token) return token.failed();
  const StreamKey stream = stream_key(*token);
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kWrite, stream.bucket, stream.object)) return *failed;
  const auto absent = only_if_absent(request.if_none_match());
  if (!absent) return absent.failed();
  const UserData data = user_data_of(request.encrypted_metadata(), request.encrypted_metadata_nonce(),
                                     request.encrypted_metadata_encrypted_key(), request.encrypted_etag(),
                                     request.checksum_algorithm(), request.is_checksum_composite(),
                                     request.encrypted_checksum());
  if (auto failed = check_metadata_size(state_, data)) return *failed;
  if (auto failed = check_checksum(state_, data, true)) return *failed;
  CommitOptions options;
  if (data.has_data()) options.user_data = data;
  options.encryption = {token->cipher(), token->block_size()};
  options.may_delete = credentials->allows(Action::kDelete, stream.bucket, stream.object);
  options.only_if_absent = *absent;
  const auto object = state_.metabase.commit_object(stream, options);
  if (!object) return object.failed();
  pb::CommitObjectResponse out;
  *out.mutable_object() = object_reply(state_, **object, *credentials);
  return out;
}

// ---- reading ----

Outcome<pb::GetObjectResponse> ObjectService::get(const pb::GetObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  if (auto failed = check_version_field(request.object_version())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require_any({Action::kRead, Action::kList}, request.bucket(),
                                             request.encrypted_object_key())) {
    return *failed;
  }
  const auto object = find(request.bucket(), request.encrypted_object_key(), request.object_version());
  if (!object) return object.failed();
  pb::GetObjectResponse out;
  *out.mutable_object() = object_reply(state_, **object, *credentials);
  if (!request.redundancy_scheme_per_segment()) out.mutable_object()->mutable_redundancy_scheme();
  return out;
}

namespace {

std::optional<PlainRange> range_of(const pb::DownloadObjectRequest& request, const Object& object) {
  const pb::Range& range = request.range();
  switch (range.range_case()) {
    case pb::Range::kStart:
      return PlainRange{range.start().plain_start(), object.plain_size};
    case pb::Range::kStartLimit:
      return PlainRange{range.start_limit().plain_start(), range.start_limit().plain_limit()};
    case pb::Range::kSuffix:
      return PlainRange{object.plain_size - range.suffix().plain_suffix(), object.plain_size};
    case pb::Range::RANGE_NOT_SET:
      break;
  }
  return std::nullopt;
}

bool in_range(const Segment& segment, const std::optional<PlainRange>& range) {
  return !range ||
         (range->begin < segment.plain_offset + segment.plain_size && segment.plain_offset < range->limit);
}

}  // namespace

Outcome<pb::DownloadObjectResponse> ObjectService::download(const pb::DownloadObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  if (auto failed = check_version_field(request.object_version())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kRead, request.bucket(), request.encrypted_object_key())) {
    return *failed;
  }
  if (request.server_side_copy()) {
    return failure(code::kInvalidArgument, "ServerSideCopy flag is only allowed for trusted uplink clients");
  }
  const auto found = find(request.bucket(), request.encrypted_object_key(), request.object_version());
  if (!found) return found.failed();
  const Object& object = **found;
  const auto range = range_of(request, object);
  if (range && range->begin > range->limit) {
    return failure(code::kInvalidArgument,
                   "metabase: invalid request: invalid range: " + std::to_string(range->begin) + ":" +
                       std::to_string(range->limit));
  }
  const auto limit = list_limit(request.limit());
  if (!limit) return limit.failed();
  pb::DownloadObjectResponse out;
  *out.mutable_object() = object_reply(state_, object, *credentials);
  pb::ListSegmentsResponse& list = *out.mutable_segment_list();
  for (const Segment& segment : object.segments) {
    if (!in_range(segment, range)) continue;
    if (static_cast<size_t>(list.items_size()) == *limit) {
      list.set_more(true);
      break;
    }
    if (list.items_size() == 0) {
      auto first = segment_download(state_, segment, object.encryption, range, true, request.desired_nodes());
      if (!first) return first.failed();
      *out.add_segment_download() = std::move(*first);
    }
    *list.add_items() = segment_list_item(segment);
  }
  return out;
}

Outcome<pb::GetObjectIPsResponse> ObjectService::ips(const pb::GetObjectIPsRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require_any({Action::kRead, Action::kList}, request.bucket(),
                                             request.encrypted_object_key())) {
    return *failed;
  }
  const auto object = find(request.bucket(), request.encrypted_object_key(), request.object_version());
  if (!object) return object.failed();
  pb::GetObjectIPsResponse out;
  std::set<std::string> addresses;
  int64_t pieces = 0;
  for (const Segment& segment : (*object)->segments) {
    for (const PieceLocation& piece : segment.pieces) {
      ++pieces;
      if (const NodeEntry* node = state_.nodes.find(piece.node)) addresses.insert(node->address);
    }
  }
  for (const std::string& address : addresses) out.add_ips(address);
  out.set_segment_count(static_cast<int64_t>((*object)->segments.size()));
  out.set_piece_count(pieces);
  out.set_reliable_piece_count(pieces);
  return out;
}

// ---- listing ----

namespace {

ListIncludes includes_of(const pb::ListObjectsRequest& request) {
  ListIncludes includes;
  const bool pending = is_pending(request.status());
  includes.object_version = request.include_all_versions() || pending;
  if (!request.use_object_includes()) return includes;
  const pb::ObjectListItemIncludes& asked = request.object_includes();
  includes.custom = asked.metadata();
  // The upload id of a pending object depends on these.
  includes.system = pending || !asked.exclude_system_metadata();
  includes.etag = asked.include_etag();
  includes.etag_or_custom = asked.include_etag_or_custom_metadata();
  includes.checksum = asked.include_checksum();
  includes.legacy_stream_meta = false;
  return includes;
}

ListQuery query_of(const pb::ListObjectsRequest& request, size_t limit) {
  ListQuery query;
  query.bucket = request.bucket();
  query.delimiter = request.delimiter().empty() ? "/" : request.delimiter();
  query.prefix = request.encrypted_prefix();
  if (!query.prefix.empty() && !request.arbitrary_prefix() && !query.prefix.ends_with(query.delimiter)) {
    query.prefix += query.delimiter;
  }
  if (!request.encrypted_cursor().empty()) query.cursor = query.prefix + request.encrypted_cursor();
  query.recursive = request.recursive();
  query.pending = is_pending(request.status());
  query.limit = limit;
  return query;
}

}  // namespace

Outcome<pb::ListObjectsResponse> ObjectService::list(const pb::ListObjectsRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kList, request.bucket(), request.encrypted_prefix()))
    return *failed;
  if (!state_.metabase.bucket(request.bucket())) {
    return failure(code::kNotFound, "bucket not found: " + request.bucket());
  }
  const auto limit = list_limit(request.limit());
  if (!limit) return limit.failed();
  if (request.use_object_includes() && !request.has_object_includes()) {
    return failure(code::kInvalidArgument, "sjnet: use_object_includes without object_includes");
  }
  const ListIncludes includes = includes_of(request);
  const ListPage page = state_.metabase.list_objects(query_of(request, *limit));
  pb::ListObjectsResponse out;
  for (const ListEntry& entry : page.items) *out.add_items() = list_item(state_, entry, includes);
  out.set_more(page.more);
  return out;
}

Outcome<pb::ListPendingObjectStreamsResponse> ObjectService::list_pending(
    const pb::ListPendingObjectStreamsRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kList, request.bucket(), request.encrypted_object_key())) {
    return *failed;
  }
  if (!state_.metabase.bucket(request.bucket())) {
    return failure(code::kNotFound, "bucket not found: " + request.bucket());
  }
  const auto limit = list_limit(request.limit());
  if (!limit) return limit.failed();
  std::string cursor;
  if (!request.stream_id_cursor().empty()) {
    const auto token = state_.tokens.open_stream(request.stream_id_cursor());
    if (!token) return token.failed();
    cursor = token->stream_id();
  }
  const ListPage page =
      state_.metabase.list_pending_streams(request.bucket(), request.encrypted_object_key(), cursor, *limit);
  ListIncludes includes;
  includes.object_version = true;
  pb::ListPendingObjectStreamsResponse out;
  for (const ListEntry& entry : page.items) *out.add_items() = list_item(state_, entry, includes);
  out.set_more(page.more);
  return out;
}

// ---- deleting ----

Outcome<pb::BeginDeleteObjectResponse> ObjectService::begin_delete(
    const pb::BeginDeleteObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  if (auto failed = check_version_field(request.object_version())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  const std::string& key = request.encrypted_object_key();
  if (auto failed = credentials->require(Action::kDelete, request.bucket(), key)) return *failed;
  const bool may_see = credentials->allows(Action::kRead, request.bucket(), key) ||
                       credentials->allows(Action::kList, request.bucket(), key);
  pb::BeginDeleteObjectResponse out;
  ObjectRef deleted;
  if (is_pending(request.status())) {
    if (request.stream_id().empty()) return failure(code::kInvalidArgument, "StreamID missing");
    const auto token = state_.tokens.open_stream(request.stream_id());
    if (!token) return token.failed();
    // An id of another object would be a way around the key's paths.
    if (token->bucket() != request.bucket() || token->object_key() != key) return unauthorized();
    const auto removed = state_.metabase.delete_pending(stream_key(*token));
    if (!removed && may_see) return removed.failed();
    if (removed) deleted = *removed;
  } else {
    if (key.empty()) return failure(code::kInvalidArgument, "metabase: invalid request: ObjectKey missing");
    const ObjectRef found = state_.metabase.object(request.bucket(), key);
    const bool other_version = found != nullptr && !request.object_version().empty() &&
                               request.object_version() != object_version(found->stream);
    if (!other_version) deleted = state_.metabase.delete_object(request.bucket(), key);
  }
  if (deleted != nullptr && may_see) *out.mutable_object() = object_reply(state_, *deleted, *credentials);
  return out;
}

namespace {

Check check_delete_many(const pb::DeleteObjectsRequest& request, size_t max_key_bytes) {
  if (request.bucket().empty()) return failure(code::kBucketNameMissing, "A bucket name is required");
  if (auto wrong = check_bucket_name_length(request.bucket()))
    return failure(code::kBucketNameInvalid, *wrong);
  if (request.items().empty()) {
    return failure(code::kDeleteObjectsNoItems, "The list of objects must contain at least one item");
  }
  if (request.items_size() > kMaxDeleteItems) {
    return failure(code::kDeleteObjectsTooManyItems, "The list of objects contains too many items");
  }
  for (const pb::DeleteObjectsItem& item : request.items()) {
    if (item.encrypted_object_key().empty()) {
      return failure(code::kObjectKeyMissing, "An object key was not provided");
    }
    if (item.encrypted_object_key().size() > max_key_bytes) {
      return failure(code::kObjectKeyTooLong, "A provided object key is too long");
    }
    if (check_version_field(item.object_version())) {
      return failure(code::kObjectVersionInvalid, "A provided object version is invalid");
    }
  }
  return {};
}

enum DeleteStatus : int32_t { kDeleteUnauthorized = 1, kDeleteNotFound = 2, kDeleteOk = 3 };

}  // namespace

void ObjectService::delete_item(const pb::DeleteObjectsItem& item, const pb::DeleteObjectsRequest& request,
                                const Credentials& credentials, pb::DeleteObjectsResponse& out) {
  pb::DeleteObjectsResult result;
  result.set_encrypted_object_key(item.encrypted_object_key());
  result.set_requested_object_version(item.object_version());
  result.set_status(kDeleteNotFound);
  if (!credentials.allows(Action::kDelete, request.bucket(), item.encrypted_object_key())) {
    result.set_status(kDeleteUnauthorized);
  } else {
    const ObjectRef found = state_.metabase.object(request.bucket(), item.encrypted_object_key());
    const bool wanted = found != nullptr && (item.object_version().empty() ||
                                             item.object_version() == object_version(found->stream));
    if (wanted && state_.metabase.delete_object(request.bucket(), item.encrypted_object_key()) != nullptr) {
      if (request.quiet()) return;
      result.set_status(kDeleteOk);
      result.mutable_removed()->set_object_version(object_version(found->stream));
      result.mutable_removed()->set_status(pb::OBJECT_STATUS_COMMITTED_UNVERSIONED);
    }
  }
  *out.add_items() = std::move(result);
}

Outcome<pb::DeleteObjectsResponse> ObjectService::delete_many(const pb::DeleteObjectsRequest& request) {
  if (auto failed = check_delete_many(request, state_.config.max_key_bytes)) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  const bool visible = credentials->allows(Action::kRead, request.bucket(), "");
  if (visible && !state_.metabase.bucket(request.bucket())) {
    return failure(code::kBucketNotFound, "The specified bucket was not found");
  }
  pb::DeleteObjectsResponse out;
  // Each item once, short keys first, as the network answers.
  std::map<std::tuple<size_t, std::string, std::string>, const pb::DeleteObjectsItem*> items;
  for (const pb::DeleteObjectsItem& item : request.items()) {
    items[{item.encrypted_object_key().size(), item.encrypted_object_key(), item.object_version()}] = &item;
  }
  for (const auto& [order, item] : items) delete_item(*item, request, *credentials, out);
  return out;
}

// ---- metadata ----

Outcome<pb::UpdateObjectMetadataResponse> ObjectService::update_metadata(
    const pb::UpdateObjectMetadataRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kWrite, request.bucket(), request.encrypted_object_key())) {
    return *failed;
  }
  bool custom = true;
  bool etag = request.set_encrypted_etag();
  bool checksum = false;
  if (request.has_includes()) {
    custom = request.includes().custom();
    etag = request.includes().etag();
    checksum = request.includes().checksum();
    if (!custom && !etag && !checksum) {
      return failure(code::kMetadataIncludesInvalid, "Includes must not be empty");
    }
  }
  const UserData data = user_data_of(request.encrypted_metadata(), request.encrypted_metadata_nonce(),
                                     request.encrypted_metadata_encrypted_key(), request.encrypted_etag(),
                                     request.checksum_algorithm(), request.is_checksum_composite(),
                                     request.encrypted_checksum());
  if (auto failed = check_metadata_size(state_, data)) return *failed;
  if (auto failed = check_checksum(state_, data, true)) return *failed;
  const auto token = state_.tokens.open_stream(request.stream_id());
  if (!token) return token.failed();
  if (auto failed = state_.metabase.update_metadata(request.bucket(), request.encrypted_object_key(),
                                                    token->stream_id(), data, custom, etag, checksum)) {
    return *failed;
  }
  return pb::UpdateObjectMetadataResponse();
}

Outcome<pb::GetPendingObjectMetadataResponse> ObjectService::pending_metadata(
    const pb::GetPendingObjectMetadataRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require_any({Action::kRead, Action::kList}, request.bucket(),
                                             request.encrypted_object_key())) {
    return *failed;
  }
  const auto token = state_.tokens.open_stream(request.stream_id());
  if (!token) return failure(code::kStreamIdInvalid, token.failed().text);
  const ObjectRef object = state_.metabase.pending(stream_key(*token));
  if (object == nullptr || object->stream.bucket != request.bucket() ||
      object->stream.object != request.encrypted_object_key()) {
    return object_missing();
  }
  const pb::Object shown = object_reply(state_, *object, *credentials);
  pb::GetPendingObjectMetadataResponse out;
  out.set_encrypted_metadata(shown.encrypted_metadata());
  out.set_encrypted_metadata_nonce(shown.encrypted_metadata_nonce());
  out.set_encrypted_metadata_encrypted_key(shown.encrypted_metadata_encrypted_key());
  out.set_encrypted_etag(shown.encrypted_etag());
  out.set_checksum_algorithm(shown.checksum_algorithm());
  out.set_is_checksum_composite(shown.is_checksum_composite());
  out.set_encrypted_checksum(shown.encrypted_checksum());
  return out;
}

}  // namespace sjcp::network
