// An access grant: satellite, API key and encryption keys, as one base58check string.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/access/encryption_store.h"
#include "core/access/macaroon.h"
#include "core/access/node_id.h"
#include "core/base/result.h"

namespace sjcp::access {

// What a restricted grant may still do.  Times are exact to the nanosecond.
struct Permission {
  bool reads = false;
  bool writes = false;
  bool lists = false;
  bool deletes = false;
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> not_before;
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> not_after;
  std::optional<std::chrono::nanoseconds> max_object_ttl;
};

struct SharePrefix {
  std::string bucket;
  std::string prefix;  // plain; one trailing '/' is ignored; empty = the whole bucket
};

struct Grant {
  std::string satellite_url;
  Macaroon api_key;
  EncryptionStore store;

  // kUsage: "access grant is malformed: ..."; the text never contains the grant.
  static Result<Grant> parse(std::string_view text);
  std::string serialize() const;

  // The grant that uplink's share makes: one caveat, keys re-rooted.  nonce: 4 bytes, random when empty.
  // A whole bucket can be shared without a key for it.
  // kUsage: neither an operation nor a bound given, times reversed, ttl <= 0; kDenied: no key for a prefix.
  Result<Grant> restrict(const Permission& permission, const std::vector<SharePrefix>& prefixes,
                         ByteView nonce = {}) const;
};

}  // namespace sjcp::access
