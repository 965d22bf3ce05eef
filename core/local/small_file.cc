#include "core/local/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/local/descriptor.h"

namespace sjcp::local {
namespace {

// Far above what thousands of ranges take.
constexpr off_t kLargest = 16 << 20;

bool read_all(int fd, std::string& out) {
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t count = ::read(fd, out.data() + filled, out.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    filled += static_cast<size_t>(count);
  }
  return true;
}

bool write_all(int fd, ByteView data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data = data.sub(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

std::optional<std::string> read_own_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!file.valid() || ::fstat(file.get(), &info) != 0) return std::nullopt;
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || info.st_nlink != 1 || info.st_size > kLargest) {
    return std::nullopt;
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  if (!read_all(file.get(), bytes)) return std::nullopt;
  return bytes;
}

bool replace_own_file(const std::string& path, const std::string& fresh, ByteView bytes) {
  ::unlink(fresh.c_str());
  const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const bool replaced = file.valid() && write_all(file.get(), bytes) && ::fsync(file.get()) == 0 &&
                        ::rename(fresh.c_str(), path.c_str()) == 0;
  if (file.valid() && !replaced) ::unlink(fresh.c_str());
  return replaced;
}

}  // namespace sjcp::local
