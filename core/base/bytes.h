// Byte strings and views, and the small conversions that protocol code needs everywhere.
//
// Owned bytes are std::string where a protobuf field is the other end, Bytes elsewhere; read access always
// goes through ByteView, which converts from both.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sjcp {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<uint8_t>;

// Non-owning view of read-only bytes.
class ByteView : public std::span<const uint8_t> {
 public:
  using std::span<const uint8_t>::span;
  ByteView(std::span<const uint8_t> s) : std::span<const uint8_t>(s) {}
  ByteView(std::span<uint8_t> s) : std::span<const uint8_t>(s) {}
  ByteView(const std::string& s) : ByteView(std::string_view(s)) {}
  ByteView(std::string_view s)
      : std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(s.data()), s.size()) {}

  std::string_view text() const { return {reinterpret_cast<const char*>(data()), size()}; }
  std::string str() const { return std::string(text()); }
  ByteView sub(size_t offset, size_t count = std::dynamic_extent) const { return subspan(offset, count); }
};

inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string to_hex(ByteView bytes);                         // lower case
std::optional<std::string> from_hex(std::string_view hex);  // nullopt: odd length or a non-hex digit

}  // namespace sjcp
