// Where bytes come from or go to: a local path, "-" for stdin and stdout, an object or prefix in a store
// (sj://BUCKET/KEY, s3://BUCKET/KEY, hf://[datasets/|spaces/]OWNER/NAME[@REVISION]/PATH), or a URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::cli {

struct Location {
  enum class Kind { kLocal, kStd, kStorj, kS3, kHub, kUrl };

  Kind kind = Kind::kLocal;
  std::string bucket;  // in a store only, never empty there; a hub's: the repository with its revision
  std::string path;    // key, local path, or the whole URL, as typed

  // A link that shares an object of Storj (/s/ACCESS/BUCKET/KEY) is the object, not the page about it.
  // kUsage: a scheme that is not known here or lacks its "//", no bucket or repository after it, a link that
  // shares a folder, an empty text.
  static Result<Location> parse(std::string_view text);
  static Location local(std::string path) { return {Kind::kLocal, "", std::move(path)}; }
  static Location in_store(Kind kind, std::string bucket, std::string key) {
    return {kind, std::move(bucket), std::move(key)};
  }

  bool is_local() const { return kind == Kind::kLocal; }
  bool is_std() const { return kind == Kind::kStd; }
  bool is_url() const { return kind == Kind::kUrl; }
  bool is_in_store() const { return kind == Kind::kStorj || kind == Kind::kS3 || kind == Kind::kHub; }
  bool is_remote() const { return is_in_store() || is_url(); }
  // Both in one store: an access, an endpoint, a hub.
  bool same_store(const Location& other) const { return is_in_store() && kind == other.kind; }

  // Names a folder by its form alone: empty or ending in '/'.  Never a URL.
  bool directoryish() const;
  Location as_directoryish() const;
  // The last component, trailing slashes ignored; of a URL, of its path, unescaped.  Empty when there is
  // none.
  std::string base() const;
  // Everything up to and including the last slash.
  std::string parent() const;

  // For people: a URL without its secrets.
  std::string text() const;
  // "sj://BUCKET": of places in a store.
  std::string bucket_text() const;
  friend bool operator==(const Location&, const Location&) = default;
};

// "sj://" and the like: all buckets of the store.  The location has neither bucket nor path then.
std::optional<Location> parse_store(std::string_view text);
// The name of the location's bucket against the rules of its service.  kUsage with the reason.
Status check_bucket(const Location& at);
// parse() for commands that only know places in stores.  kUsage otherwise, also for bad names of buckets.
Result<Location> parse_remote(std::string_view text);
// A bucket and nothing else: sj://BUCKET or s3://BUCKET.
Result<Location> parse_bucket(std::string_view text);

}  // namespace sjcp::cli
