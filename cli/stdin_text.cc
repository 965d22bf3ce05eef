#include "cli/stdin_text.h"

#include <unistd.h>

#include <cerrno>

namespace sjcp::cli {

Result<std::string> read_text(int fd) {
  constexpr size_t kMost = 1 << 20;
  std::string text;
  char buffer[4096];
  while (true) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("standard input", errno);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kMost) return make_error(Errc::kUsage, "standard input: too large for an access grant");
  }
}

}  // namespace sjcp::cli
