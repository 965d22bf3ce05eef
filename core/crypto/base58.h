// base58check: base58( version || payload || first 4 bytes of SHA256(SHA256(version || payload)) ), Bitcoin's
// alphabet.  Grants, API keys, node ids and upload ids are written this way.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace sjcp::crypto {

struct Base58Payload {
  uint8_t version = 0;
  std::string payload;
};

std::string base58check_encode(ByteView payload, uint8_t version);

// nullopt: a character outside the alphabet, too short, or a wrong checksum.  Quadratic in the length: reject
// absurd input (> 1 MiB) before calling.
std::optional<Base58Payload> base58check_decode(std::string_view text);

}  // namespace sjcp::crypto
