#include "core/local/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
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

// What the entry is for the walk.  A link that leads nowhere is no folder: what it is shows when it is
// examined.
bool is_folder(DIR* folder, const dirent& entry, bool follow) {
  const bool link = entry.d_type == DT_LNK || entry.d_type == DT_UNKNOWN;
  if (!link || (entry.d_type == DT_LNK && !follow)) return entry.d_type == DT_DIR;
  struct stat info{};
  const int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  return ::fstatat(::dirfd(folder), entry.d_name, &info, flags) == 0 && S_ISDIR(info.st_mode);
}

const char* what_it_is(mode_t mode) {
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISDIR(mode) ? "a folder by now" : "a device";
}

std::string last_component(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<FolderWalk> FolderWalk::open(const std::string& root, const WalkOptions& options) {
  if (root.empty()) return make_error(Errc::kUsage, "the folder has no name");
  FolderWalk walk(root.ends_with('/') ? root : root + "/", options);
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
  // Without links below the root, a folder that was replaced by one since it was listed is not entered.
  // (Without the slash at the end, which would follow the link.)
  const int follow = relative.empty() || options_.follow_links ? 0 : O_NOFOLLOW;
  const std::string plain = relative.empty() ? path : path.substr(0, path.size() - 1);
  const int fd = ::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
  if (fd < 0) return errno_error(path, errno);
  auto level = open_level(relative, fd);
  if (!level) return std::move(level).error();
  for (const Level& above : levels_) {
    if (above.device != level->device || above.file != level->file) continue;
    return make_error(Errc::kLocalIo, plain + ": leads back to " + root_ + above.path +
                                          ", which it is in; it is not entered again");
  }
  levels_.push_back(*std::move(level));
  return {};
}

// Owns fd.
Result<FolderWalk::Level> FolderWalk::open_level(const std::string& relative, int fd) const {
  const std::string path = root_ + relative;
  const Folder folder(::fdopendir(fd));
  struct stat info{};
  if (!folder || ::fstat(fd, &info) != 0) {
    const Error error = errno_error(path, errno);
    if (!folder) ::close(fd);
    return error;
  }
  Level level{relative, {}, info.st_dev, info.st_ino};
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr && errno != 0) return errno_error(path, errno);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    // With the slash, names sort as the full paths do: "a.txt" before "a/b".
    if (is_folder(folder.get(), *entry, options_.follow_links)) name += '/';
    level.names.push_back(std::move(name));
  }
  std::sort(level.names.begin(), level.names.end(), std::greater<>());
  return level;
}

// Nothing: it is left out, as asked for.
Result<std::optional<FolderWalk::File>> FolderWalk::examine(const std::string& path) const {
  const std::string full = root_ + path;
  struct stat info{};
  if (!options_.follow_links) {
    if (::lstat(full.c_str(), &info) != 0) return errno_error(full, errno);
    if (S_ISLNK(info.st_mode)) {
      if (options_.left_out) options_.left_out(full);
      return std::optional<File>();
    }
  }
  if (is_temporary_name(last_component(path))) {
    return make_error(Errc::kConflict, full + ": belongs to a download that is not finished; it is left out");
  }
  if (::stat(full.c_str(), &info) != 0) return errno_error(full, errno);
  if (S_ISREG(info.st_mode)) return std::optional<File>(File{path, static_cast<uint64_t>(info.st_size)});
  return make_error(Errc::kLocalIo, full + ": is " + what_it_is(info.st_mode) + "; it is left out");
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
    auto file = examine(path);
    if (!file || *file) return file;
  }
  return std::optional<File>();
}

}  // namespace sjcp::local
