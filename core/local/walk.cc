#include "core/local/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

#include "core/local/descriptor.h"
#include "core/local/file_sink.h"

namespace sjcp::local {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// Whether the entry itself is a folder (a link to one is not).
bool is_folder(DIR* folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat info{};
  return ::fstatat(::dirfd(folder), entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

Result<FolderWalk> FolderWalk::open(const std::string& root) {
  if (root.empty()) return make_error(Errc::kUsage, "the folder has no name");
  FolderWalk walk(root.ends_with('/') ? root : root + "/");
  Status status = walk.enter("");
  if (!status) {
    Error error = std::move(status).error();
    if (error.cause == ENOENT) error.code = Errc::kNotFound;
    return error;
  }
  return walk;
}

Status FolderWalk::enter(const std::string& relative) {
  const std::string path = root_ + relative;
  // Below the root, a folder that was replaced by a link since it was listed is not entered.  (Without the
  // slash at the end, which would follow the link.)
  const int follow = relative.empty() ? 0 : O_NOFOLLOW;
  const std::string plain = relative.empty() ? path : path.substr(0, path.size() - 1);
  const int fd = ::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
  if (fd < 0) return errno_error(path, errno);
  const Folder folder(::fdopendir(fd));
  if (!folder) {
    const Error error = errno_error(path, errno);
    ::close(fd);
    return error;
  }
  Level level{relative, {}};
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr && errno != 0) return errno_error(path, errno);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (is_folder(folder.get(), *entry)) {
      // With the slash, names sort as the full paths do: "a.txt" before "a/b".
      name += '/';
    } else if (is_temporary_name(name)) {
      ++skipped_;
      continue;
    }
    level.names.push_back(std::move(name));
  }
  std::sort(level.names.begin(), level.names.end(), std::greater<>());
  levels_.push_back(std::move(level));
  return {};
}

Result<std::optional<FolderWalk::File>> FolderWalk::next() {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.names.empty()) {
      levels_.pop_back();
      continue;
    }
    const std::string path = level.path + level.names.back();
    level.names.pop_back();
    if (path.ends_with('/')) {
      Status status = enter(path);
      if (!status) return std::move(status).error();
      continue;
    }
    struct stat info{};
    if (::stat((root_ + path).c_str(), &info) != 0) return errno_error(root_ + path, errno);
    if (S_ISREG(info.st_mode)) return std::optional<File>(File{path, static_cast<uint64_t>(info.st_size)});
    ++skipped_;
  }
  return std::optional<File>();
}

}  // namespace sjcp::local
