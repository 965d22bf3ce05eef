#include "core/segment/object_metadata.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "core/segment/metadata.pb.h"

namespace sjcp::segment {
namespace {

using crypto::CipherSuite;

const std::string kContentTypeKey = "content-type";

// Map entries in the order of their keys, so that the same metadata gives the same bytes.
std::string serialize(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

bool parse(ByteView bytes, google::protobuf::MessageLite& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Error unreadable() {
  return make_error(Errc::kProtocol, "object metadata is malformed");
}

std::string stream_info(const ObjectMetadata& metadata) {
  pb::SerializableMeta user;
  for (const auto& [key, value] : metadata.user) (*user.mutable_user_defined())[key] = value;
  pb::StreamInfo info;
  info.set_segments_size(metadata.segments_size);
  info.set_last_segment_size(metadata.last_segment_size);
  info.set_metadata(serialize(user));
  return serialize(info);
}

crypto::Nonce checksum_nonce() {
  crypto::Nonce nonce{};
  nonce[0] = 2;
  return nonce;
}

std::string big_endian(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::optional<uint64_t> open_checksum(CipherSuite cipher, const crypto::Key& key,
                                      const SealedChecksum& checksum) {
  if (checksum.algorithm != kChecksumCrc64Nvme || checksum.composite) return std::nullopt;
  const auto plain = crypto::open(cipher, key, checksum_nonce(), checksum.encrypted);
  if (!plain || plain->size() != sizeof(uint64_t)) return std::nullopt;
  uint64_t value = 0;
  for (const char byte : *plain) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// An empty sealed key means the zero key.
Result<crypto::Key> open_key(CipherSuite cipher, ByteView sealed, ByteView nonce_bytes,
                             const crypto::Key& content_key) {
  const auto nonce = crypto::nonce_from(nonce_bytes);
  if (!nonce) return unreadable();
  if (sealed.empty()) return crypto::Key();
  const auto plain = crypto::open(cipher, content_key, *nonce, sealed);
  if (!plain) return plain.error();
  const auto key = crypto::Key::from(*plain);
  if (!key) return unreadable();
  return *key;
}

Status read_stream_info(const std::string& plain, ObjectMetadata& metadata) {
  pb::StreamInfo info;
  pb::SerializableMeta user;
  if (!parse(plain, info) || !parse(info.metadata(), user)) return unreadable();
  metadata.segments_size = info.segments_size();
  metadata.last_segment_size = info.last_segment_size();
  for (const auto& [key, value] : user.user_defined()) metadata.user[key] = value;
  if (!user.content_type().empty()) metadata.user.emplace(kContentTypeKey, user.content_type());
  return {};
}

}  // namespace

SealedMetadata seal_metadata(const ObjectMetadata& metadata, const crypto::Key& content_key) {
  return seal_metadata(metadata, content_key, crypto::Key::random(), crypto::random_nonce());
}

SealedMetadata seal_metadata(const ObjectMetadata& metadata, const crypto::Key& content_key,
                             const crypto::Key& metadata_key, const crypto::Nonce& nonce) {
  const std::string info = stream_info(metadata);
  if (info.empty()) return {};
  // AESGCM is known, and nothing else can fail.
  pb::StreamMeta stream;
  stream.set_encrypted_stream_info(*crypto::seal(CipherSuite::kAesGcm, metadata_key, crypto::Nonce{}, info));
  SealedMetadata sealed;
  sealed.encrypted_metadata = serialize(stream);
  sealed.encrypted_key = *crypto::seal(CipherSuite::kAesGcm, content_key, nonce, metadata_key.view());
  sealed.nonce = ByteView(nonce).str();
  if (metadata.crc64) {
    sealed.encrypted_checksum =
        *crypto::seal(CipherSuite::kAesGcm, metadata_key, checksum_nonce(), big_endian(*metadata.crc64));
  }
  return sealed;
}

Result<ObjectMetadata> open_metadata(ByteView encrypted_metadata, ByteView encrypted_key, ByteView nonce,
                                     const crypto::Key& content_key, const SealedChecksum& checksum) {
  ObjectMetadata metadata;
  pb::StreamMeta stream;
  if (!parse(encrypted_metadata, stream)) return unreadable();
  metadata.number_of_segments = stream.number_of_segments();
  metadata.encryption_type = stream.encryption_type();
  metadata.encryption_block_size = stream.encryption_block_size();
  if (stream.encrypted_stream_info().empty()) return metadata;

  // What a client sealed and no satellite touched carries no type yet.
  auto cipher = static_cast<CipherSuite>(stream.encryption_type());
  if (cipher == CipherSuite::kUnspecified) cipher = CipherSuite::kAesGcm;
  const pb::SegmentMeta& last = stream.last_segment_meta();
  const auto key = encrypted_key.empty()
                       ? open_key(cipher, last.encrypted_key(), last.key_nonce(), content_key)
                       : open_key(cipher, encrypted_key, nonce, content_key);
  if (!key) return with_context(key.error(), "metadata key");
  const auto plain = crypto::open(cipher, *key, crypto::Nonce{}, stream.encrypted_stream_info());
  if (!plain) return with_context(plain.error(), "object metadata");
  if (Status status = read_stream_info(*plain, metadata); !status) return status.error();
  metadata.crc64 = open_checksum(cipher, *key, checksum);
  return metadata;
}

}  // namespace sjcp::segment
