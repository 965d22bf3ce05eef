// What --if-changed leaves alone: a destination that is known to hold what the source holds.
//
// Sizes that differ settle it.  Then digests do, where one side tells one and the other tells or computes the
// same kind; else the times: a destination that was written after its source has what it had.  What nobody
// tells is never taken for equal.
//
// Threads: free functions any; LocalDigests one at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/transfer/store.h"

namespace sjcp::cli {

// What is known of a file or an object; what is not known is missing.
struct Known {
  std::optional<uint64_t> size = {};
  std::optional<transfer::Time> changed = {};
  std::vector<transfer::Digest> digests = {};
};

Known known_of(const transfer::ObjectItem& item);
// Of the part of it that was asked for: digests are of whole objects.
Known known_of(const transfer::ObjectInfo& info);
// Services that know no time tell the epoch, or nothing.
std::optional<transfer::Time> known_time(transfer::Time time);

// Computes a digest of the side that tells none; nothing: it cannot.
using DigestOf = std::function<std::optional<transfer::Digest>(transfer::DigestKind)>;

// Whether the destination is known to hold what the source holds.
bool same(const Known& source, const Known& destination, const DigestOf& digest_of = nullptr);

// Digests of a local file, each computed once.
class LocalDigests {
 public:
  // Asks for nothing yet.
  LocalDigests(std::string path, std::stop_token stop) : path_(std::move(path)), stop_(std::move(stop)) {}
  // Reads the file.  Nothing: it cannot be read, or stop was requested.
  std::optional<transfer::Digest> operator()(transfer::DigestKind kind);

 private:
  const std::string path_;
  const std::stop_token stop_;
  std::map<transfer::DigestKind, transfer::Digest> known_;
};

}  // namespace sjcp::cli
