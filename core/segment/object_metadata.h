// Object metadata: what clients seal beside an object (protocol notes 3.6).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/aead.h"
#include "core/crypto/key.h"

namespace sjcp::segment {

struct ObjectMetadata {
  std::map<std::string, std::string> user;
  int64_t segments_size = 0;  // 0: not recorded (multipart)
  int64_t last_segment_size = 0;
  int64_t number_of_segments = 0;  // reading only
  int32_t encryption_type = 0;     // reading only: StreamMeta.encryption_type
  int32_t encryption_block_size = 0;
  // CRC-64/NVME of all plain bytes, where a satellite keeps checksums; nothing: not known.
  std::optional<uint64_t> crc64;
};

// A checksum as a satellite keeps it.
struct SealedChecksum {
  int32_t algorithm = 0;  // protocol notes' ObjectChecksumAlgorithm
  bool composite = false;
  ByteView encrypted;
};
inline constexpr int32_t kChecksumCrc64Nvme = 3;

// Fields of CommitObject.
struct SealedMetadata {
  std::string encrypted_metadata;
  std::string encrypted_key;
  std::string nonce;
  std::string encrypted_checksum;  // empty: there is none; otherwise of kChecksumCrc64Nvme, not composite
};

// Seals with a fresh random metadata key, or with the given one (tests).  AESGCM.
SealedMetadata seal_metadata(const ObjectMetadata& metadata, const crypto::Key& content_key);
SealedMetadata seal_metadata(const ObjectMetadata& metadata, const crypto::Key& content_key,
                             const crypto::Key& metadata_key, const crypto::Nonce& nonce);

// Reads what a satellite returns for an object.  encrypted_key and nonce may be empty: then the key sits in
// StreamMeta.last_segment_meta, or there is no metadata at all.  kIntegrity when it does not open.
//
// A checksum is eight bytes, most significant first, sealed like the network's clients seal an ETag: under
// the metadata key, with the nonce 2 where that has 1.  No other client writes any yet; one that does not
// open this way is not known.
Result<ObjectMetadata> open_metadata(ByteView encrypted_metadata, ByteView encrypted_key, ByteView nonce,
                                     const crypto::Key& content_key, const SealedChecksum& checksum = {});

}  // namespace sjcp::segment
