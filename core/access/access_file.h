// Saved access grants: {"Default": name, "Accesses": {name: grant}}, the format of uplink's access.json.
//
// Errors: kUsage when a file is not of this format or a name is not allowed, kNotFound for an unknown name,
// kConflict for a name that is taken, kLocalIo from the file system.  No error text holds a grant.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::access {

class AccessFile {
 public:
  // A file that does not exist is an empty store.
  static Result<AccessFile> load(const std::filesystem::path& path);

  // Empty when no default is set.
  const std::string& default_name() const { return default_name_; }
  // Name to serialized grant, as saved: not parsed.
  const std::map<std::string, std::string>& accesses() const { return accesses_; }
  // The grant saved under name; an empty name means the default.
  Result<std::string> find(std::string_view name) const;

  // The first grant added becomes the default.  kUsage when the grant does not parse.
  Status add(const std::string& name, const std::string& grant, bool overwrite = false);
  // Removing the default leaves no default.
  Status remove(const std::string& name);
  Status use(const std::string& name);

  // Writes a temporary file beside path (0600), then renames it: readers see the old content or the new.
  // Creates missing folders with mode 0700.
  Status save(const std::filesystem::path& path) const;

 private:
  std::string default_name_;
  std::map<std::string, std::string> accesses_;
};

// 1 to 64 letters, digits, '-', '_' or '.', not starting with '.' or '-': a name must not look like an option
// or a path.
bool valid_access_name(std::string_view name);

}  // namespace sjcp::access
