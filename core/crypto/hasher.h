// Digests over data that arrives in pieces, by name.
//
// MD5 and SHA-1 are here because services publish them: they find damage, not malice.
// One thread at a time; one digest per object.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"

namespace sjcp::crypto {

enum class HashKind : uint8_t { kMd5, kSha1, kSha256, kSha512 };

class Hasher {
 public:
  explicit Hasher(HashKind kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(ByteView data);
  // 16, 20, 32 or 64 bytes.
  Bytes finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::crypto
