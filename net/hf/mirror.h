// Where a mirror keeps the large files of a repository.
//
// The published layout is that of the hub's content delivery: PREFIX/repos/<2>/<2>/<repo oid>/<file oid>, the
// file oid being the SHA-256 and the two pairs the first digits of the repo oid.  The hub's redirects show
// the repo oid of some repositories; for the others it is the SHA-256 of "models/OWNER/NAME".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/hf/hub_file.h"
#include "net/hf/repo.h"

namespace sjcp::hf {

// Of a repository whose redirects show none.
std::string own_repo_oid(const Repo& repo);
// The one in the path of a URL that ends in repos/<2>/<2>/<repo oid>/<file oid>.
std::optional<std::string> shown_repo_oid(std::string_view url, std::string_view sha256);
// "repos/<2>/<2>/<repo oid>/<file oid>"
std::string mirror_key(std::string_view repo_oid, std::string_view sha256);

// A prefix as given by the user, or a template with {sha256}, {repo}, {path}, {commit}, {repo_oid}.
class MirrorPlaces {
 public:
  explicit MirrorPlaces(std::string prefix) : prefix_(std::move(prefix)) {}

  // kUsage: no location of https, http, sj or s3, an unknown word in braces.
  Status check() const;
  // False: places do not depend on the repo oid.
  bool needs_repo_oid() const;
  // The location of a file.
  std::string place(const Repo& repo, const std::string& commit, const HubFile& file,
                    const std::string& repo_oid) const;
  const std::string& prefix() const { return prefix_; }

 private:
  bool is_template() const { return prefix_.find('{') != std::string::npos; }

  std::string prefix_;
};

}  // namespace sjcp::hf
