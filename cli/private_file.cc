#include "cli/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/base/scope_guard.h"

namespace sjcp::cli {
namespace {

bool write_all(int fd, ByteView content) {
  while (!content.empty()) {
    ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content = content.sub(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Status write_private_file(const std::string& path, ByteView content) {
  std::string temporary = path + ".XXXXXX";
  int fd = ::mkostemp(temporary.data(), O_CLOEXEC);  // creates with mode 0600
  if (fd < 0) return errno_error(path, errno);
  ScopeGuard discard([&] {
    ::close(fd);
    ::unlink(temporary.c_str());
  });
  if (!write_all(fd, content) || ::fsync(fd) != 0) return errno_error(path, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error(path, errno);
  discard.dismiss();
  ::close(fd);
  return {};
}

}  // namespace sjcp::cli
