#include "core/local/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace sjcp::local {

int Disk::lock(int fd) const {
  return ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

int Disk::allocate(int fd, uint64_t offset, uint64_t size) const {
  int result = 0;
  do {
    result = ::fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int Disk::rename(const std::string& from, const std::string& to) const {
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int Disk::rename_noreplace(const std::string& from, const std::string& to) const {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
}

int Disk::rename_new(const std::string& from, const std::string& to) const {
  const int failed = rename_noreplace(from, to);
  if (failed != EINVAL && failed != ENOSYS && failed != EOPNOTSUPP) return failed;
  struct stat info{};
  if (::lstat(to.c_str(), &info) == 0) return EEXIST;
  return rename(from, to);
}

const Disk& system_disk() {
  static const Disk disk;
  return disk;
}

}  // namespace sjcp::local
