#include "tests/network/copy_service.h"

#include "core/crypto/hash.h"
#include "tests/network/object_reply.h"
#include "tests/network/object_service.h"

namespace sjcp::network {
namespace {

constexpr size_t kSegmentLimit = 10000;

template <class Reply>
void fill_begin(Reply& out, const SatelliteState& state, const Object& object) {
  out.set_stream_id(state.tokens.seal(stream_token(object)));
  out.set_encrypted_metadata_key_nonce(nonce_or_zero(object.user_data.nonce));
  out.set_encrypted_metadata_key(object.user_data.key);
  for (const Segment& segment : object.segments) {
    pb::EncryptedKeyAndNonce& key = *out.add_segment_keys();
    set_position(*key.mutable_position(), segment.position);
    key.set_encrypted_key_nonce(segment.key_nonce);
    key.set_encrypted_key(segment.key);
  }
  out.mutable_encryption_parameters()->set_cipher_suite(object.encryption.cipher);
  out.mutable_encryption_parameters()->set_block_size(object.encryption.block_size);
}

template <class Request>
CopyTarget target_of(const Request& request) {
  CopyTarget target;
  target.bucket = request.new_bucket();
  target.object = request.new_encrypted_object_key();
  for (const pb::EncryptedKeyAndNonce& key : request.new_segment_keys()) {
    target.keys.push_back(
        {position_of(key.position()), nonce_or_zero(key.encrypted_key_nonce()), key.encrypted_key()});
  }
  return target;
}

template <class Request>
Check check_key_length(const SatelliteState& state, const Request& request) {
  const size_t size = request.new_encrypted_object_key().size();
  if (size <= state.config.max_key_bytes) return {};
  return failure(code::kInvalidArgument, "key length is too big, got " + std::to_string(size) +
                                             ", maximum allowed is " +
                                             std::to_string(state.config.max_key_bytes));
}

}  // namespace

Outcome<ObjectRef> CopyService::source(const std::string& bucket, const std::string& key,
                                       const std::string& new_bucket, const std::string& version) const {
  if (bucket != new_bucket) {
    for (const std::string& name : {bucket, new_bucket}) {
      if (!state_.metabase.bucket(name)) return failure(code::kNotFound, "bucket not found: " + name);
    }
  }
  ObjectRef object = state_.metabase.object(bucket, key);
  if (object == nullptr || (!version.empty() && version != object_version(object->stream))) {
    return failure(code::kNotFound, "object not found: metabase: sql: no rows in result set");
  }
  if (object->segments.size() > kSegmentLimit) {
    return failure(code::kInvalidArgument, "metabase: invalid request: object has too many segments (" +
                                               std::to_string(object->segments.size()) + "). Limit is " +
                                               std::to_string(kSegmentLimit) + ".");
  }
  return object;
}

Outcome<pb::BeginCopyObjectResponse> CopyService::begin_copy(const pb::BeginCopyObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  if (auto failed = check_bucket_field(request.new_bucket())) return *failed;
  if (auto failed = check_version_field(request.object_version())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kRead, request.bucket(), request.encrypted_object_key())) {
    return *failed;
  }
  if (auto failed =
          credentials->require(Action::kWrite, request.new_bucket(), request.new_encrypted_object_key())) {
    return *failed;
  }
  const auto object = source(request.bucket(), request.encrypted_object_key(), request.new_bucket(),
                             request.object_version());
  if (!object) return object.failed();
  pb::BeginCopyObjectResponse out;
  fill_begin(out, state_, **object);
  out.set_checksum_algorithm((*object)->user_data.checksum_algorithm);
  return out;
}

Outcome<pb::FinishCopyObjectResponse> CopyService::finish_copy(const pb::FinishCopyObjectRequest& request) {
  if (auto failed = check_bucket_field(request.new_bucket())) return *failed;
  if (auto failed = check_key_length(state_, request)) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed =
          credentials->require(Action::kWrite, request.new_bucket(), request.new_encrypted_object_key())) {
    return *failed;
  }
  const UserData data = user_data_of(
      request.new_encrypted_metadata(), request.new_encrypted_metadata_key_nonce(),
      request.new_encrypted_metadata_key(), request.new_encrypted_etag(), request.new_checksum_algorithm(),
      request.new_is_checksum_composite(), request.new_encrypted_checksum());
  if (auto failed = check_metadata_size(state_, data)) return *failed;
  if (auto failed = check_checksum(state_, data, true)) return *failed;
  const auto absent = only_if_absent(request.if_none_match());
  if (!absent) return absent.failed();
  const auto token = state_.tokens.open_stream(request.stream_id());
  if (!token) return token.failed();
  CopyTarget target = target_of(request);
  target.stream_id = crypto::random_string(16);
  if (request.override_metadata()) target.user_data = data;
  target.metadata_nonce = data.nonce;
  target.metadata_key = data.key;
  target.may_delete = true;  // the network does not ask for the permission here
  target.only_if_absent = *absent;
  const auto object = state_.metabase.copy_object(stream_key(*token), target);
  if (!object) return object.failed();
  pb::FinishCopyObjectResponse out;
  *out.mutable_object() = object_reply(state_, **object, *credentials);
  return out;
}

Outcome<pb::BeginMoveObjectResponse> CopyService::begin_move(const pb::BeginMoveObjectRequest& request) {
  if (auto failed = check_bucket_field(request.bucket())) return *failed;
  if (auto failed = check_bucket_field(request.new_bucket())) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  for (const Action action : {Action::kRead, Action::kDelete}) {
    if (auto failed = credentials->require(action, request.bucket(), request.encrypted_object_key()))
      return *failed;
  }
  if (auto failed =
          credentials->require(Action::kWrite, request.new_bucket(), request.new_encrypted_object_key())) {
    return *failed;
  }
  const auto object = source(request.bucket(), request.encrypted_object_key(), request.new_bucket(), "");
  if (!object) return object.failed();
  pb::BeginMoveObjectResponse out;
  fill_begin(out, state_, **object);
  return out;
}

Outcome<pb::FinishMoveObjectResponse> CopyService::finish_move(const pb::FinishMoveObjectRequest& request) {
  if (auto failed = check_bucket_field(request.new_bucket())) return *failed;
  if (auto failed = check_key_length(state_, request)) return *failed;
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  const std::string& key = request.new_encrypted_object_key();
  if (auto failed = credentials->require(Action::kWrite, request.new_bucket(), key)) return *failed;
  const auto token = state_.tokens.open_stream(request.stream_id());
  if (!token) return token.failed();
  // A stream id alone must not be enough to take an object away.
  if (auto failed = credentials->require(Action::kDelete, token->bucket(), token->object_key()))
    return *failed;
  CopyTarget target = target_of(request);
  const UserData sealed = user_data_of("", request.new_encrypted_metadata_key_nonce(),
                                       request.new_encrypted_metadata_key(), "", 0, false, "");
  target.metadata_nonce = sealed.nonce;
  target.metadata_key = sealed.key;
  target.may_delete = credentials->allows(Action::kDelete, request.new_bucket(), key);
  if (auto failed = state_.metabase.move_object(stream_key(*token), target)) return *failed;
  return pb::FinishMoveObjectResponse();
}

}  // namespace sjcp::network
