// Where accesses come from: our own file of saved grants, uplink's as a second place to look, environment,
// files.
#pragma once

#include <filesystem>
#include <string>

#include "cli/io.h"
#include "cli/options.h"
#include "core/access/access_file.h"

namespace sjcp::cli {

// Paths of access.json; empty when the environment does not say where they would be.
struct AccessPaths {
  std::filesystem::path own;
  std::filesystem::path uplink;  // read only; empty with --config-dir
};
AccessPaths access_paths(const Io& io, const GlobalOptions& global);

struct SavedAccesses {
  AccessPaths paths;
  access::AccessFile own;
  access::AccessFile uplink;

  // A missing file is an empty store.
  static Result<SavedAccesses> load(const Io& io, const GlobalOptions& global);

  // The saved grant; our own file wins.  nullopt: no such name.  An empty name means the default access.
  std::optional<std::string> find(const std::string& name) const;
  // Empty when there is none.
  std::string default_name() const;
  // "; did you mean NAME?" for a name that is not saved, or nothing.
  std::string near(const std::string& name) const;
  Status save_own() const;
};

// A grant as people hand it over: the grant itself, a saved name, or a file that holds one; empty means the
// default access.  Errors say where the value came from (`origin`, e.g. "--access") and never repeat a
// possible grant.
Result<access::Grant> find_grant(const std::string& value, const std::string& origin,
                                 const SavedAccesses& saved);

// The grant itself or a file that holds one, no saved names.
Result<access::Grant> read_grant(const std::string& value);

}  // namespace sjcp::cli
