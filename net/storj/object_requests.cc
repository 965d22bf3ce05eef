#include "net/storj/object_requests.h"

#include <utility>

#include "core/crypto/aead.h"
#include "core/segment/layout.h"
#include "core/segment/object_metadata.h"
#include "net/storj/status.h"

namespace sjcp::storj {

pb::BeginObjectRequest begin_object_request(const std::string& bucket, const std::string& encrypted_key,
                                            const ObjectOptions& options) {
  pb::BeginObjectRequest begin;
  begin.set_bucket(bucket);
  begin.set_encrypted_object_key(encrypted_key);
  begin.mutable_encryption_parameters()->set_cipher_suite(static_cast<int32_t>(crypto::CipherSuite::kAesGcm));
  begin.mutable_encryption_parameters()->set_block_size(segment::kEncryptedBlockSize);
  if (options.expires) *begin.mutable_expires_at() = timestamp_of(*options.expires);
  return begin;
}

std::string mark_begun(pb::BeginObjectRequest& begin, const crypto::Key& content_key) {
  segment::ObjectMetadata metadata;
  metadata.segments_size = static_cast<int64_t>(segment::kMaxSegmentSize);
  auto sealed = segment::seal_metadata(metadata, content_key);
  begin.set_encrypted_metadata(std::move(sealed.encrypted_metadata));
  begin.set_encrypted_metadata_encrypted_key(std::move(sealed.encrypted_key));
  begin.set_encrypted_metadata_nonce(sealed.nonce);
  return sealed.nonce;
}

SealedKey seal_segment_key(const crypto::Key& content_key, const crypto::Key& segment_key) {
  const auto nonce = crypto::random_nonce();
  return {std::string(nonce.begin(), nonce.end()),
          *crypto::seal(crypto::CipherSuite::kAesGcm, content_key, nonce, segment_key.view())};
}

pb::MakeInlineSegmentRequest inline_segment_request(int32_t index, const crypto::Key& content_key,
                                                    const crypto::Key& segment_key, uint64_t plain_size,
                                                    std::string sealed) {
  SealedKey key = seal_segment_key(content_key, segment_key);
  pb::MakeInlineSegmentRequest make;
  make.mutable_position()->set_index(index);
  make.set_encrypted_key_nonce(std::move(key.nonce));
  make.set_encrypted_key(std::move(key.encrypted));
  make.set_plain_size(static_cast<int64_t>(plain_size));
  make.set_encrypted_inline_data(std::move(sealed));
  return make;
}

pb::CommitObjectRequest commit_object_request(const crypto::Key& content_key, const ObjectOptions& options,
                                              uint64_t segment_size, uint64_t last_size,
                                              std::optional<uint64_t> crc64) {
  segment::ObjectMetadata metadata;
  metadata.user = options.metadata;
  metadata.crc64 = crc64;
  metadata.segments_size = static_cast<int64_t>(segment_size);
  metadata.last_segment_size = static_cast<int64_t>(last_size);
  auto sealed = segment::seal_metadata(metadata, content_key);
  pb::CommitObjectRequest commit;
  commit.set_encrypted_metadata(std::move(sealed.encrypted_metadata));
  commit.set_encrypted_metadata_encrypted_key(std::move(sealed.encrypted_key));
  commit.set_encrypted_metadata_nonce(std::move(sealed.nonce));
  if (crc64) {
    commit.set_checksum_algorithm(segment::kChecksumCrc64Nvme);
    commit.set_encrypted_checksum(std::move(sealed.encrypted_checksum));
  }
  return commit;
}

void announce_checksum(pb::BeginObjectRequest& begin) {
  begin.set_checksum_algorithm(segment::kChecksumCrc64Nvme);
}

bool without_checksums(pb::BatchRequest& request) {
  bool found = false;
  for (auto& item : *request.mutable_requests()) {
    if (item.has_object_begin() && item.object_begin().checksum_algorithm() != 0) {
      item.mutable_object_begin()->clear_checksum_algorithm();
      found = true;
    }
    if (item.has_object_commit() && item.object_commit().checksum_algorithm() != 0) {
      item.mutable_object_commit()->clear_checksum_algorithm();
      item.mutable_object_commit()->clear_encrypted_checksum();
      found = true;
    }
  }
  return found;
}

bool refuses_checksums(const Error& error) {
  return error.cause == kRpcChecksumsUnsupported;
}

}  // namespace sjcp::storj
