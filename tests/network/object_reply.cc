#include "tests/network/object_reply.h"

#include <algorithm>

#include "core/segment/metadata.pb.h"

namespace sjcp::network {
namespace {

constexpr size_t kNonceSize = 24;
constexpr size_t kEncryptedKeySize = 48;
constexpr size_t kVersionSize = 16;
constexpr int32_t kCipherAesGcm = 2;
constexpr int32_t kCipherSecretBox = 3;

pb::Timestamp timestamp_or_unset(const std::optional<Clock::Wall>& time) {
  return time ? to_timestamp(*time) : unset_timestamp();
}

void set_encryption(pb::EncryptionParameters& out, const Encryption& encryption) {
  out.set_cipher_suite(encryption.cipher);
  out.set_block_size(encryption.block_size);
}

// Readers of old find cipher, number of segments and the metadata key inside the stream metadata.
std::string filled_stream_meta(const Object& object) {
  pb::StreamMeta meta;
  meta.ParseFromString(object.user_data.metadata);
  if (meta.encryption_block_size() == 0) {
    meta.set_encryption_block_size(static_cast<int32_t>(object.encryption.block_size));
  }
  if (meta.encryption_type() == 0) meta.set_encryption_type(object.encryption.cipher);
  if (meta.number_of_segments() == 0)
    meta.set_number_of_segments(static_cast<int64_t>(object.segments.size()));
  if (!meta.has_last_segment_meta()) {
    meta.mutable_last_segment_meta()->set_encrypted_key(object.user_data.key);
    meta.mutable_last_segment_meta()->set_key_nonce(object.user_data.nonce);
  }
  return meta.SerializeAsString();
}

void add_item_metadata(pb::ObjectListItem& item, const Object& object, const ListIncludes& includes,
                       bool with_custom) {
  item.set_encrypted_metadata_nonce(nonce_or_zero(object.user_data.nonce));
  item.set_encrypted_metadata_encrypted_key(object.user_data.key);
  pb::StreamMeta meta;
  if (with_custom) meta.ParseFromString(object.user_data.metadata);
  meta.set_encryption_type(object.encryption.cipher);
  meta.set_encryption_block_size(static_cast<int32_t>(object.encryption.block_size));
  if (!object.segments.empty()) meta.set_number_of_segments(static_cast<int64_t>(object.segments.size()));
  if (!object.user_data.key.empty() && includes.legacy_stream_meta) {
    meta.mutable_last_segment_meta()->set_encrypted_key(object.user_data.key);
    meta.mutable_last_segment_meta()->set_key_nonce(object.user_data.nonce);
  }
  item.set_encrypted_metadata(meta.SerializeAsString());
}

int64_t plain_block_size(const Encryption& encryption) {
  const bool sealed = encryption.cipher == kCipherAesGcm || encryption.cipher == kCipherSecretBox;
  return encryption.block_size - (sealed ? 16 : 0);
}

}  // namespace

std::string nonce_or_zero(const std::string& nonce) {
  return nonce.empty() ? std::string(kNonceSize, '\0') : nonce;
}

std::string object_version(const StreamKey& stream) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(stream.version) >> shift));
  }
  return out + stream.stream_id.substr(8);
}

UserData user_data_of(const std::string& metadata, const std::string& nonce, const std::string& key,
                      const std::string& etag, int32_t checksum_algorithm, bool composite,
                      const std::string& checksum) {
  UserData data{metadata, nonce, key, etag, checksum_algorithm, composite, checksum};
  // Peers that always send the field send zeros for "none".
  if (data.nonce == std::string(kNonceSize, '\0')) data.nonce.clear();
  return data;
}

Check check_metadata_size(const SatelliteState& state, const UserData& data) {
  const auto size = static_cast<int64_t>(data.metadata.size() + data.etag.size() + data.checksum.size());
  if (size > state.config.max_metadata_bytes) {
    return failure(code::kInvalidArgument, "Encrypted metadata is too large, got " + size_text(size) +
                                               ", maximum allowed is " +
                                               size_text(state.config.max_metadata_bytes));
  }
  if (!data.key.empty() && data.key.size() != kEncryptedKeySize) {
    return failure(code::kInvalidArgument, "Encrypted metadata key size is invalid, got " +
                                               std::to_string(data.key.size()) + ", expected " +
                                               std::to_string(kEncryptedKeySize));
  }
  return {};
}

Check check_checksum(const SatelliteState& state, const UserData& data, bool whole) {
  constexpr int32_t kMostAlgorithm = 5;
  const int32_t algorithm = data.checksum_algorithm;
  if (algorithm == 0 && !data.checksum_composite && data.checksum.empty()) return {};
  if (!state.config.checksums) {
    return failure(code::kChecksumsUnsupported, "Checksum options may not be provided at this time");
  }
  if (algorithm < 0 || algorithm > kMostAlgorithm) {
    return failure(code::kChecksumAlgorithmInvalid, "The checksum algorithm is invalid");
  }
  if (algorithm == 0 && data.checksum_composite) {
    return failure(code::kChecksumTypeUnexpected,
                   "A checksum type must not be provided if a checksum algorithm is not provided");
  }
  if (algorithm == 0) {
    return failure(code::kChecksumUnexpected,
                   "A checksum must not be provided if a checksum algorithm is not provided");
  }
  if (whole && data.checksum.empty()) {
    return failure(code::kChecksumMissing, "A checksum must be provided if a checksum algorithm is provided");
  }
  return {};
}

void set_redundancy(pb::RedundancyScheme& out, const Redundancy& redundancy) {
  out.set_type(1);
  out.set_min_req(redundancy.required);
  out.set_repair_threshold(redundancy.repair);
  out.set_success_threshold(redundancy.optimal);
  out.set_total(redundancy.total);
  out.set_erasure_share_size(redundancy.share_size);
}

Redundancy redundancy_of(const pb::RedundancyScheme& scheme) {
  return {scheme.min_req(), scheme.repair_threshold(), scheme.success_threshold(), scheme.total(),
          scheme.erasure_share_size()};
}

void set_position(pb::SegmentPosition& out, const SegmentPosition& position) {
  out.set_part_number(static_cast<int32_t>(position.part));
  out.set_index(static_cast<int32_t>(position.index));
}

SegmentPosition position_of(const pb::SegmentPosition& position) {
  return {static_cast<uint32_t>(position.part_number()), static_cast<uint32_t>(position.index())};
}

pb::Object object_reply(const SatelliteState& state, const Object& object, const Credentials& credentials) {
  pb::Object out;
  const StreamKey& stream = object.stream;
  out.set_bucket(stream.bucket);
  out.set_encrypted_object_key(stream.object);
  out.set_object_version(object_version(stream));
  out.set_stream_id(state.tokens.seal(stream_token(object)));
  out.set_status(object.pending ? pb::OBJECT_STATUS_UPLOADING : pb::OBJECT_STATUS_COMMITTED_UNVERSIONED);
  *out.mutable_created_at() = to_timestamp(object.created_at);
  *out.mutable_expires_at() = timestamp_or_unset(object.expires_at);
  out.set_total_size(object.encrypted_size);
  out.set_plain_size(object.plain_size);
  out.set_encrypted_metadata(filled_stream_meta(object));
  out.set_encrypted_metadata_nonce(nonce_or_zero(object.user_data.nonce));
  out.set_encrypted_metadata_encrypted_key(object.user_data.key);
  out.set_encrypted_etag(object.user_data.etag);
  out.set_checksum_algorithm(object.user_data.checksum_algorithm);
  out.set_is_checksum_composite(object.user_data.checksum_composite);
  out.set_encrypted_checksum(object.user_data.checksum);
  set_encryption(*out.mutable_encryption_parameters(), object.encryption);
  if (credentials.allows(Action::kGetLegalHold, stream.bucket, stream.object)) {
    out.mutable_legal_hold()->set_value(false);
  }
  return out;
}

pb::ObjectListItem list_item(const SatelliteState& state, const ListEntry& entry,
                             const ListIncludes& includes) {
  pb::ObjectListItem item;
  item.set_encrypted_object_key(entry.key);
  if (entry.object == nullptr) {
    item.set_status(pb::OBJECT_STATUS_PREFIX);
    if (includes.object_version) item.set_object_version(std::string(kVersionSize, '\0'));
    if (includes.system) {
      *item.mutable_created_at() = unset_timestamp();
      *item.mutable_expires_at() = unset_timestamp();
    }
    return item;
  }
  const Object& object = *entry.object;
  item.set_status(object.pending ? pb::OBJECT_STATUS_UPLOADING : pb::OBJECT_STATUS_COMMITTED_UNVERSIONED);
  if (includes.object_version) {
    item.set_object_version(object_version(object.stream));
    item.set_is_latest(!object.pending);
  }
  if (includes.system) {
    *item.mutable_created_at() = to_timestamp(object.created_at);
    *item.mutable_expires_at() = timestamp_or_unset(object.expires_at);
    item.set_plain_size(object.plain_size);
  }
  const bool with_custom = (includes.custom || includes.etag_or_custom) && !object.user_data.metadata.empty();
  const bool with_etag = (includes.etag || includes.etag_or_custom) && !object.user_data.etag.empty();
  if (includes.custom || with_custom || with_etag || includes.checksum) {
    add_item_metadata(item, object, includes, with_custom);
  }
  if (with_etag) item.set_encrypted_etag(object.user_data.etag);
  if (includes.checksum) {
    item.set_checksum_algorithm(object.user_data.checksum_algorithm);
    item.set_is_checksum_composite(object.user_data.checksum_composite);
    item.set_encrypted_checksum(object.user_data.checksum);
  }
  if (object.pending) item.set_stream_id(state.tokens.seal(stream_token(object)));
  return item;
}

pb::SegmentListItem segment_list_item(const Segment& segment) {
  pb::SegmentListItem item;
  set_position(*item.mutable_position(), segment.position);
  item.set_plain_size(segment.plain_size);
  *item.mutable_created_at() = to_timestamp(segment.created_at);
  item.set_plain_offset(segment.plain_offset);
  item.set_encrypted_e_tag(segment.etag);
  item.set_encrypted_key_nonce(segment.key_nonce);
  item.set_encrypted_key(segment.key);
  item.set_encrypted_checksum(segment.checksum);
  return item;
}

int64_t piece_bytes_for_range(const Segment& segment, const Encryption& encryption,
                              const std::optional<PlainRange>& range) {
  const int64_t whole = piece_size(segment.redundancy, segment.encrypted_size);
  const int64_t block = plain_block_size(encryption);
  if (block <= 0) return whole;
  int64_t begin = 0;
  int64_t limit = segment.plain_size;
  if (range) {
    begin = std::max(begin, range->begin - segment.plain_offset);
    limit = std::min(limit, range->limit - segment.plain_offset);
  }
  const int64_t stripe = segment.redundancy.stripe_size();
  const int64_t first = begin / block * encryption.block_size / stripe;
  const int64_t last = ((limit + block - 1) / block * encryption.block_size + stripe - 1) / stripe;
  const int64_t bytes = (last - first) * segment.redundancy.share_size;
  return bytes > 0 ? std::min(bytes, whole) : whole;
}

Outcome<pb::DownloadSegmentResponse> segment_download(SatelliteState& state, const Segment& segment,
                                                      const Encryption& encryption,
                                                      const std::optional<PlainRange>& range, bool trim_limit,
                                                      int32_t desired_nodes) {
  pb::DownloadSegmentResponse out;
  set_position(*out.mutable_position(), segment.position);
  out.set_plain_offset(segment.plain_offset);
  out.set_plain_size(segment.plain_size);
  out.set_segment_size(segment.encrypted_size);
  out.set_encrypted_key_nonce(nonce_or_zero(segment.key_nonce));
  out.set_encrypted_key(segment.key);
  if (segment.is_inline()) {
    out.set_encrypted_inline_data(segment.inline_data);
    return out;
  }
  set_redundancy(*out.mutable_redundancy_scheme(), segment.redundancy);
  const int64_t limit = trim_limit ? piece_bytes_for_range(segment, encryption, range)
                                   : piece_size(segment.redundancy, segment.encrypted_size);
  const LimitSet set = state.orders.begin(pb::PIECE_ACTION_GET, segment.root_piece_id, limit, std::nullopt,
                                          state.faults.take_limit_age());
  const auto offered = static_cast<size_t>(std::max(download_nodes(segment.redundancy), desired_nodes));
  for (int32_t i = 0; i < segment.redundancy.total; ++i) out.add_addressed_limits();
  size_t count = 0;
  for (const size_t i : state.nodes.shuffled(segment.pieces.size())) {
    if (count == offered) break;
    const PieceLocation& piece = segment.pieces[i];
    const NodeEntry* node = state.nodes.find(piece.node);
    if (node == nullptr) continue;
    *out.mutable_addressed_limits(piece.number) = state.orders.issue(set, *node, piece.number);
    ++count;
  }
  if (count < static_cast<size_t>(segment.redundancy.required)) {
    return failure(code::kInternal, "unable to create order limits");
  }
  out.set_private_key(set.key.private_key);
  return out;
}

}  // namespace sjcp::network
