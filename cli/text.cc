#include "cli/text.h"

#include <unistd.h>

#include <cerrno>

#include "core/base/units.h"

namespace sjcp::cli {

Result<std::string> read_text(int fd, const std::string& name, size_t most) {
  std::string text;
  char buffer[16 << 10];
  while (true) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(name, errno);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > most) {
      return make_error(Errc::kUsage, name + ": too large, more than " + format_size(most));
    }
  }
}

}  // namespace sjcp::cli
