#include "cli/progress/views.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/progress/json_view.h"
#include "cli/progress/text_view.h"
#include "core/local/descriptor.h"

namespace sjcp::cli {
namespace {

// A reader that has gone is no reason to end a copy: what cannot be written is dropped.
void write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    ssize_t n = ::write(fd, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line.remove_prefix(static_cast<size_t>(n));
  }
}

bool shows_bar(const CpOptions& options, const Io& io) {
  return options.progress == ProgressMode::kBar ||
         (options.progress == ProgressMode::kAuto && io.err_is_terminal);
}

bool json_elsewhere(const CpOptions& options) {
  return !options.progress_file.empty() || options.progress_fd >= 0;
}

}  // namespace

Result<std::vector<std::unique_ptr<View>>> make_views(const CpOptions& options, const Io& io) {
  std::vector<std::unique_ptr<View>> views;
  if (options.progress == ProgressMode::kJson && !json_elsewhere(options)) {
    views.push_back(
        std::make_unique<JsonView>([err = io.err](std::string_view line) { *err << line << std::flush; }));
  } else if (shows_bar(options, io)) {
    views.push_back(std::make_unique<BarView>(*io.err, io.err_columns));
  } else {
    views.push_back(std::make_unique<TextView>(*io.err));
  }
  if (!options.progress_file.empty()) {
    int fd = ::open(options.progress_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno_error(options.progress_file, errno);
    auto file = std::make_shared<local::Descriptor>(fd);
    views.push_back(
        std::make_unique<JsonView>([file](std::string_view line) { write_line(file->get(), line); }));
  }
  if (options.progress_fd >= 0) {
    int fd = options.progress_fd;
    if (::fcntl(fd, F_GETFD) < 0) {
      return make_error(Errc::kUsage, "--progress-fd " + std::to_string(fd) + " is not an open descriptor");
    }
    views.push_back(std::make_unique<JsonView>([fd](std::string_view line) { write_line(fd, line); }));
  }
  return views;
}

std::chrono::milliseconds sample_interval(const CpOptions& options, const Io& io) {
  if (shows_bar(options, io)) return std::chrono::milliseconds(200);
  if (options.progress == ProgressMode::kJson || json_elsewhere(options))
    return std::chrono::milliseconds(500);
  return std::chrono::milliseconds(0);
}

}  // namespace sjcp::cli
