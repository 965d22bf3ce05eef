// API keys: a head, a chain of caveats and the HMAC tail (libmacaroons "version 2" subset).
//
//   raw = 02 | 02 len head 00 | { 02 len caveat 00 }* | 00 | 06 20 tail
//   tail_0 = HMAC-SHA256(secret, head), tail_i = HMAC-SHA256(tail_{i-1}, caveat_i)
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::access {

class Macaroon {
 public:
  // Satellite side: a new key with no caveats.
  static Macaroon create(ByteView head, ByteView secret);
  // kUsage when the bytes are not a macaroon.
  static Result<Macaroon> parse(ByteView raw);
  // The base58check form (an API key as users see it).
  static Result<Macaroon> parse_api_key(std::string_view text);

  const std::string& head() const { return head_; }
  const std::vector<std::string>& caveats() const { return caveats_; }
  const std::string& tail() const { return tail_; }

  // The same key with one more restriction.
  Macaroon with_caveat(ByteView caveat) const;
  // True when the tail is the chain's under this secret.
  bool verify(ByteView secret) const;

  std::string serialize() const;
  std::string api_key() const;
  friend bool operator==(const Macaroon&, const Macaroon&) = default;

 private:
  std::string head_;
  std::vector<std::string> caveats_;  // serialized sjcp.pb.Caveat
  std::string tail_;                  // 32 bytes
};

}  // namespace sjcp::access
