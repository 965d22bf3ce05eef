#include "core/local/file_group.h"

#include <set>
#include <utility>

namespace sjcp::local {

FileGroup::FileGroup(const FileSinkOptions& options) : options_(options), flush_(options.flush) {
  options_.flush = false;
}

std::unique_ptr<FileSink> FileGroup::open(std::string path) const {
  return std::make_unique<FileSink>(std::move(path), options_);
}

void FileGroup::commit(const std::function<void(size_t, const Status&)>& result) {
  std::vector<Status> statuses(files_.size());
  if (flush_) {
    for (size_t i = 0; i < files_.size(); ++i) statuses[i] = files_[i]->flush();
  }
  std::set<std::string> folders;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!statuses[i]) continue;
    statuses[i] = files_[i]->commit();
    if (statuses[i]) folders.insert(files_[i]->folder());
  }
  if (flush_) {
    for (const std::string& folder : folders) flush_folder(folder);
  }
  // Unfinished ones go before their results are known: nothing of them is left behind then.
  files_.clear();
  for (size_t i = 0; i < statuses.size(); ++i) result(i, statuses[i]);
}

}  // namespace sjcp::local
