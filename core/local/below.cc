#include "core/local/below.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "core/local/descriptor.h"

namespace sjcp::local {
namespace {

constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

std::string or_here(const std::string& path) {
  return path.empty() ? "." : path;
}

// The components one after the other, each with what is before it.
template <class Each>
Status each_component(std::string_view path, const Each& each) {
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      const Status status =
          each(std::string(path.substr(begin, end - begin)), std::string(path.substr(0, end)));
      if (!status) return status;
    }
    begin = end + 1;
  }
  return {};
}

// Of a component that cannot be entered.
Error cannot_enter(int folder, const std::string& name, const std::string& path, int err) {
  struct stat info{};
  const bool there = ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && S_ISLNK(info.st_mode)) return link_in_the_way(path);
  if (err == ENOTDIR) return make_error(Errc::kLocalIo, path + ": is a file, not a folder", err);
  return errno_error(path, err);
}

// Goes down component by component.  made: null when nothing is to be made; what is missing ends it then.
Status descend(const Below& folder, std::vector<std::string>* made) {
  Descriptor at(::open(or_here(folder.named).c_str(), kFolder));
  if (!at.valid()) {
    if (made == nullptr && errno == ENOENT) return {};
    return errno_error(folder.named, errno);
  }
  const int flags = kFolder | (folder.dirlinks ? 0 : O_NOFOLLOW);
  bool missing = false;
  return each_component(folder.relative, [&](const std::string& name, const std::string& so_far) -> Status {
    if (missing) return {};
    const std::string path = folder.named + so_far;
    Descriptor next(::openat(at.get(), name.c_str(), flags));
    if (!next.valid() && errno == ENOENT && made != nullptr) {
      if (::mkdirat(at.get(), name.c_str(), 0777) == 0) {
        made->push_back(path);
      } else if (errno != EEXIST) {
        return errno_error(path + ": cannot create the folder", errno);
      }
      next = Descriptor(::openat(at.get(), name.c_str(), flags));
    }
    if (!next.valid() && errno == ENOENT && made == nullptr) {
      missing = true;
      return {};
    }
    if (!next.valid()) return cannot_enter(at.get(), name, path, errno);
    at = std::move(next);
    return {};
  });
}

// Of the folder that was named: links in it are the person's own.
Status make_named(const std::string& path, std::vector<std::string>& made) {
  const bool absolute = path.starts_with('/');
  return each_component(path, [&](const std::string&, const std::string& so_far) -> Status {
    if (so_far.empty() && absolute) return {};
    struct stat info{};
    if (::stat(so_far.c_str(), &info) == 0) return {};
    if (::mkdir(so_far.c_str(), 0777) == 0) {
      made.push_back(so_far);
    } else if (errno != EEXIST) {
      return errno_error(so_far + ": cannot create the folder", errno);
    }
    return {};
  });
}

}  // namespace

Error link_in_the_way(const std::string& link) {
  return make_error(
      Errc::kLocalIo,
      link +
          ": is a symbolic link, and below the destination none is followed; remove it (or, for "
          "links to folders, use --keep-dirlinks)",
      ELOOP);
}

Status check_no_links(const Below& folder) {
  if (folder.relative.empty() || folder.dirlinks) return {};
  const Descriptor named(::open(or_here(folder.named).c_str(), kFolder));
  if (!named.valid()) return {};
  // One call does what takes several otherwise; it is refused by old kernels and by some containers.
  open_how how{};
  how.flags = kFolder;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const Descriptor found(
      static_cast<int>(::syscall(SYS_openat2, named.get(), folder.relative.c_str(), &how, sizeof how)));
  if (found.valid() || errno == ENOENT) return {};
  return descend(folder, nullptr);
}

Status make_folders(const Below& folder, std::vector<std::string>& made) {
  if (Status named = make_named(folder.named, made); !named) return named;
  return descend(folder, &made);
}

}  // namespace sjcp::local
