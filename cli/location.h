// Where bytes come from or go to: a local path, sj://bucket/key, or "-" for stdin and stdout.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::cli {

struct Location {
  enum class Kind { kLocal, kRemote, kStd };

  Kind kind = Kind::kLocal;
  std::string bucket;  // remote only, never empty there
  std::string path;    // key or local path, as typed

  // kUsage: an sj:// without bucket, a scheme that is not known here, an empty text.
  static Result<Location> parse(std::string_view text);
  static Location local(std::string path) { return {Kind::kLocal, "", std::move(path)}; }
  static Location remote(std::string bucket, std::string key) {
    return {Kind::kRemote, std::move(bucket), std::move(key)};
  }

  bool is_local() const { return kind == Kind::kLocal; }
  bool is_remote() const { return kind == Kind::kRemote; }
  bool is_std() const { return kind == Kind::kStd; }

  // Names a folder by its form alone: empty or ending in '/'.
  bool directoryish() const;
  Location as_directoryish() const;
  // The last component, trailing slashes ignored; empty when there is none.
  std::string base() const;
  // Everything up to and including the last slash.
  std::string parent() const;

  std::string text() const;
  friend bool operator==(const Location&, const Location&) = default;
};

// parse() for commands that only know remote places.  kUsage otherwise.
Result<Location> parse_remote(std::string_view text);
// A bucket and nothing else: sj://BUCKET, checked against the rules for bucket names.
Result<std::string> parse_bucket(std::string_view text);

}  // namespace sjcp::cli
