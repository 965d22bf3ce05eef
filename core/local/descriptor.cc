#include "core/local/descriptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

namespace sjcp::local {

bool names_open_file(const std::string& path, int fd) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

CancelSignal::CancelSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void CancelSignal::raise() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it is raised already.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

Status CancelSignal::wait_readable(int fd) const {
  return wait(fd, POLLIN);
}
Status CancelSignal::wait_writable(int fd) const {
  return wait(fd, POLLOUT);
}

Status CancelSignal::wait(int fd, short events) const {
  pollfd entries[2] = {{event_.get(), POLLIN, 0}, {fd, events, 0}};
  for (;;) {
    const int ready = ::poll(entries, 2, -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno_error("poll", errno);
    if (entries[0].revents != 0) return make_error(Errc::kCancelled, "stopped");
    return {};
  }
}

}  // namespace sjcp::local
