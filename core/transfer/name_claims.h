// The names that a run has made or is making, so that no two of its sources share one.
//
// Holds two hashes and a number for each name, never the name itself.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace sjcp::transfer {

class NameClaims {
 public:
  // Who had the name before.
  struct Holder {
    uint32_t origin = 0;       // as given to take()
    bool same_source = false;  // what was asked for is the same thing once more
  };

  // Nothing: the name was free, and is the caller's from now on, whatever becomes of the copy.  `source`
  // names all that decides about the bytes; `origin` is for messages.
  std::optional<Holder> take(std::string_view name, std::string_view source, uint32_t origin);

 private:
  struct Claim {
    uint64_t source = 0;
    uint32_t origin = 0;
  };

  std::mutex mutex_;
  std::unordered_map<uint64_t, Claim> claims_;  // by the hash of the name
};

}  // namespace sjcp::transfer
