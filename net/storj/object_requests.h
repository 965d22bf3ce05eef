// The requests that make an object, filled in and sealed (protocol notes 9.1).
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>

#include "core/crypto/key.h"
#include "core/segment/object_metadata.h"
#include "net/storj/session.h"

namespace sjcp::storj {

pb::BeginObjectRequest begin_object_request(const std::string& bucket, const std::string& encrypted_key,
                                            const ObjectOptions& options);
// Metadata that the commit replaces, for the sake of its nonce: the mark by which the upload is found as long
// as it is pending (pending_uploads.h).  Returns the mark.
std::string mark_begun(pb::BeginObjectRequest& begin, const crypto::Key& content_key);

// An inline segment: `sealed` is `plain_size` bytes sealed with `segment_key`.  Without a stream id.
pb::MakeInlineSegmentRequest inline_segment_request(int32_t index, const crypto::Key& content_key,
                                                    const crypto::Key& segment_key, uint64_t plain_size,
                                                    std::string sealed);

// `segment_size`: plain bytes of each segment but the last; `last_size`: of that one.  crc64: of all plain
// bytes; nothing: without a checksum. Without a stream id.
pb::CommitObjectRequest commit_object_request(const crypto::Key& content_key, const ObjectOptions& options,
                                              uint64_t segment_size, uint64_t last_size,
                                              std::optional<uint64_t> crc64);

// An object that begins with this kind of checksum is one that its commit may bring; a satellite that takes
// none refuses the beginning, before anything is done.
void announce_checksum(pb::BeginObjectRequest& begin);
// The same objects without checksums; false: there was none.
bool without_checksums(pb::BatchRequest& request);
// Whether this is how a satellite refuses them.
bool refuses_checksums(const Error& error);

// As open_metadata() wants it, of messages that have the network's three fields.
template <class Message>
segment::SealedChecksum sealed_checksum(const Message& message) {
  return {message.checksum_algorithm(), message.is_checksum_composite(), message.encrypted_checksum()};
}

// A segment's key as requests carry it.
struct SealedKey {
  std::string nonce;
  std::string encrypted;
};
SealedKey seal_segment_key(const crypto::Key& content_key, const crypto::Key& segment_key);

}  // namespace sjcp::storj
