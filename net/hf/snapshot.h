// What is known of a repository at one revision.
//
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/hf/hub_api.h"

namespace sjcp::hf {

class Snapshot {
 public:
  // Files remembered at most; a repository with more is asked about each of the others.
  static constexpr size_t kMostFiles = 200'000;

  explicit Snapshot(Repo repo) : repo_(std::move(repo)) {}

  const Repo& repo() const { return repo_; }

  // Asks for the commit if nobody has; those that come meanwhile wait for the answer.
  Result<std::string> commit(HubApi& api, const transfer::Context& context);
  // The commit if it is known, else the revision.
  std::string known_revision() const;
  // A reply has told it; the first to be known stays.
  void learn_commit(const std::string& commit);

  void remember(const HubFile& file);
  std::optional<HubFile> find(const std::string& path) const;

  // Which mirrors have the repository under; empty: not known.
  std::string repo_oid() const;
  void learn_repo_oid(const std::string& oid);

  // The mirror does not answer: each file that asked it would wait as long again.
  bool mirror_away() const;
  void learn_mirror_away();

 private:
  const Repo repo_;
  std::mutex asking_;
  mutable std::mutex mutex_;  // guards what follows
  std::string commit_;
  std::string repo_oid_;
  bool mirror_away_ = false;
  std::unordered_map<std::string, HubFile> files_;
};

}  // namespace sjcp::hf
