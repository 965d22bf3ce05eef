// Digests of whole objects: what they are called, and computing them.
//
// Threads: a Hasher belongs to one at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::transfer {

enum class DigestKind : uint8_t {
  kMd5,
  kSha1,
  kSha256,
  kSha512,
  kCrc32c,
  kCrc64Nvme,
  kGitBlob,  // SHA-1 of "blob SIZE\0" and the bytes: what git and model hubs call the file's oid
};

struct Digest {
  DigestKind kind = DigestKind::kSha256;
  std::string hex;  // lower case

  friend bool operator==(const Digest&, const Digest&) = default;

  // "sha256:HEX"; also sha-256=HEX, sha1, sha512, md5, crc32c, crc64nvme, git-blob.  kUsage: unknown kind,
  // digits of another length.
  static Result<Digest> parse(std::string_view text);
  // "sha256:HEX"
  std::string text() const;
};

// "sha256" and so on.
const char* to_string(DigestKind kind);

class Hasher {
 public:
  // size: of the object; used by kGitBlob.
  static std::unique_ptr<Hasher> create(DigestKind kind, uint64_t size);
  virtual ~Hasher() = default;
  virtual void update(ByteView bytes) = 0;
  virtual Digest finish() = 0;
};

}  // namespace sjcp::transfer
