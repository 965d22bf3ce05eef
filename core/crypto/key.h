// A 256-bit secret: path keys, content keys, segment keys.  Wiped when destroyed.
#pragma once

#include <array>

#include "core/base/bytes.h"

namespace sjcp::crypto {

class Key {
 public:
  static constexpr size_t kSize = 32;

  Key() = default;  // all zero
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  // nullopt unless exactly 32 bytes.
  static std::optional<Key> from(ByteView bytes);
  static Key random();

  ByteView view() const { return ByteView(bytes_.data(), bytes_.size()); }
  ByteSpan span() { return {bytes_.data(), bytes_.size()}; }
  friend bool operator==(const Key& a, const Key& b) { return a.bytes_ == b.bytes_; }

 private:
  std::array<uint8_t, kSize> bytes_{};
};

}  // namespace sjcp::crypto
