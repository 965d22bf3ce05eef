// 32-byte identity of a satellite or storage node: the double SHA-256 of its CA key, last byte = version.
#pragma once

#include <array>
#include <compare>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::access {

class NodeId {
 public:
  static constexpr size_t kSize = 32;

  NodeId() = default;
  // nullopt unless 32 bytes.  Raw form as in order limits; byte 31 is kept as it is.
  static std::optional<NodeId> from_bytes(ByteView bytes);
  // base58check form.  kUsage when malformed.
  static Result<NodeId> parse(std::string_view text);
  // From the DER SubjectPublicKeyInfo of the CA certificate and its identity version.
  static NodeId from_ca_spki(ByteView spki_der, uint8_t version);

  std::string text() const;
  ByteView view() const { return ByteView(bytes_.data(), bytes_.size()); }
  bool is_zero() const { return *this == NodeId(); }
  friend auto operator<=>(const NodeId&, const NodeId&) = default;

 private:
  std::array<uint8_t, kSize> bytes_{};
};

// [storj://][<id>@]host:port[?noise_pub=..&noise_proto=..&debounce=..&f=..]
struct NodeUrl {
  NodeId id;
  std::string address;           // host:port, IPv6 hosts in brackets
  std::string noise_public_key;  // raw bytes, empty when absent
  int noise_proto = 0;
  int debounce = 0;
  uint64_t features = 0;

  // kUsage when malformed.  A missing id is looked up in the table of known satellites; if that fails, kUsage
  // when require_id, else the zero id.
  static Result<NodeUrl> parse(std::string_view text, bool require_id = true);
  std::string text() const;  // id@host:port, and the parameters that are set
};

}  // namespace sjcp::access
