#include "core/local/file_group.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

namespace sjcp::local {
namespace {

constexpr size_t kMostFlushes = 16;  // at the same time

}  // namespace

FileGroup::FileGroup(const FileSinkOptions& options) : options_(options), flush_(options.flush) {
  options_.flush = false;
}

std::unique_ptr<FileSink> FileGroup::open(Place place) const {
  return std::make_unique<FileSink>(std::move(place), options_);
}

std::vector<Status> FileGroup::flush() {
  std::vector<Status> statuses(files_.size());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < files_.size(); i = next++) statuses[i] = files_[i]->flush();
  };
  std::vector<std::thread> others;
  // The system may refuse threads, and says so by an exception: those that there are do the work.
  try {
    while (others.size() + 1 < std::min(kMostFlushes, files_.size() / 2)) others.emplace_back(work);
  } catch (const std::system_error&) {
  }
  work();
  for (std::thread& other : others) other.join();
  return statuses;
}

void FileGroup::commit(const std::function<void(size_t, const Status&)>& result) {
  std::vector<Status> statuses = flush_ ? flush() : std::vector<Status>(files_.size());
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
