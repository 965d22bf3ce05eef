#include "net/hf/snapshot.h"

#include <utility>

namespace sjcp::hf {

Result<std::string> Snapshot::commit(HubApi& api, const transfer::Context& context) {
  const std::lock_guard asking(asking_);
  if (auto known = known_revision(); is_commit(known)) return known;
  auto commit = api.commit(repo_, context);
  if (!commit) return commit;
  learn_commit(*commit);
  return known_revision();
}

std::string Snapshot::known_revision() const {
  const std::lock_guard lock(mutex_);
  return commit_.empty() ? repo_.revision : commit_;
}

void Snapshot::learn_commit(const std::string& commit) {
  const std::lock_guard lock(mutex_);
  if (commit_.empty()) commit_ = commit;
}

void Snapshot::remember(const HubFile& file) {
  const std::lock_guard lock(mutex_);
  if (files_.size() < kMostFiles) files_.insert_or_assign(file.path, file);
}

std::optional<HubFile> Snapshot::find(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(path);
  return found == files_.end() ? std::nullopt : std::optional(found->second);
}

std::string Snapshot::repo_oid() const {
  const std::lock_guard lock(mutex_);
  return repo_oid_;
}

void Snapshot::learn_repo_oid(const std::string& oid) {
  const std::lock_guard lock(mutex_);
  repo_oid_ = oid;
}

bool Snapshot::mirror_away() const {
  const std::lock_guard lock(mutex_);
  return mirror_away_;
}

void Snapshot::learn_mirror_away() {
  const std::lock_guard lock(mutex_);
  mirror_away_ = true;
}

}  // namespace sjcp::hf
