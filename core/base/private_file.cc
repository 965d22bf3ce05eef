#include "core/base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/base/scope_guard.h"

namespace sjcp {
namespace {

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

// Creates it with mode 0600.
int create(std::string& fresh, const std::string& path) {
  if (fresh.empty()) {
    fresh = path + ".XXXXXX";
    return ::mkostemp(fresh.data(), O_CLOEXEC);
  }
  ::unlink(fresh.c_str());
  return ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

}  // namespace

std::optional<std::string> read_private_file(const std::string& path, size_t largest) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  ScopeGuard close([&] { ::close(fd); });
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto size = static_cast<size_t>(info.st_size);
  if (info.st_uid != ::geteuid() || info.st_nlink != 1 || size > largest) return std::nullopt;
  std::string bytes(size, '\0');
  if (!read_all(fd, bytes)) return std::nullopt;
  return bytes;
}

Status replace_private_file(const std::string& path, ByteView bytes, const std::string& fresh,
                            OnDisk on_disk) {
  std::string temporary = fresh;
  const int fd = create(temporary, path);
  if (fd < 0) return errno_error(path, errno);
  ScopeGuard discard([&] { ::unlink(temporary.c_str()); });
  errno = 0;
  const bool written = write_all(fd, bytes) && (on_disk == OnDisk::kLater || ::fsync(fd) == 0);
  const int error = errno;
  if (::close(fd) != 0 && written) return errno_error(path, errno);
  if (!written) return errno_error(path, error != 0 ? error : EIO);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error(path, errno);
  discard.dismiss();
  return {};
}

Status make_private_folder(const std::string& path) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(path, failed);
  if (failed) return errno_error(path, failed.value());
  if (made && ::chmod(path.c_str(), 0700) != 0) return errno_error(path, errno);
  return {};
}

}  // namespace sjcp
