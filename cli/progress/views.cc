#include "cli/progress/views.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cli/progress/json_view.h"
#include "cli/progress/text_view.h"

namespace sjcp::cli {
namespace {

// A file or a pipe of progress.
class Channel {
 public:
  Channel(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  // After a failure nothing more is written: half a line would spoil the next.
  Status write(std::string_view line) {
    while (!line.empty() && !ended_) {
      const ssize_t n = ::write(fd_, line.data(), line.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return failed(n < 0 ? errno : EIO);
      line.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }
  // Errors of the disk may come as late as that.
  Status close() {
    const bool failed_now = ::close(fd_) != 0 && errno != EINTR;
    return failed_now && !std::exchange(ended_, true) ? failed(errno) : Status();
  }

 private:
  Status failed(int error) {
    ended_ = true;
    // A reader that has gone wants no more of it.
    if (error == EPIPE) return {};
    Error lost = errno_error(name_, error);
    lost.what += "; progress is not written any more";
    return lost;
  }

  const int fd_;
  const std::string name_;
  bool ended_ = false;
};

bool shows_bar(const CpOptions& options, const Io& io) {
  return options.progress == ProgressMode::kBar ||
         (options.progress == ProgressMode::kAuto && io.err_is_terminal);
}

bool shows_lines(const CpOptions& options, const GlobalOptions& global, const Io& io) {
  return options.progress == ProgressMode::kPlain ||
         (options.progress == ProgressMode::kAuto && !io.err_is_terminal && global.verbose > 0);
}

bool json_elsewhere(const CpOptions& options) {
  return !options.progress_file.empty() || options.progress_fd >= 0;
}

std::unique_ptr<View> view_of_stderr(const CpOptions& options, const GlobalOptions& global, const Io& io) {
  const bool each_file = global.verbose > 0;
  if (options.progress == ProgressMode::kJson && !json_elsewhere(options)) {
    return std::make_unique<JsonView>([err = io.err](std::string_view line) {
      err.exact(line);
      err.flush();
      return err.good() ? Status() : Status(make_error(Errc::kLocalIo, "standard error: cannot be written"));
    });
  }
  if (shows_bar(options, io)) return std::make_unique<BarView>(io.err, io.err_columns, each_file);
  if (shows_lines(options, global, io)) return std::make_unique<PlainView>(io.err, each_file);
  return std::make_unique<TextView>(io.err, each_file);
}

}  // namespace

Result<std::vector<std::unique_ptr<View>>> make_views(const CpOptions& options, const GlobalOptions& global,
                                                      const Io& io) {
  std::vector<std::unique_ptr<View>> views;
  views.push_back(view_of_stderr(options, global, io));
  if (!options.progress_file.empty()) {
    int fd = ::open(options.progress_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno_error(options.progress_file, errno);
    auto file = std::make_shared<Channel>(fd, options.progress_file);
    views.push_back(std::make_unique<JsonView>([file](std::string_view line) { return file->write(line); },
                                               [file] { return file->close(); }));
  }
  if (options.progress_fd >= 0) {
    const int fd = options.progress_fd;
    const std::string name = "--progress-fd " + std::to_string(fd);
    if (::fcntl(fd, F_GETFD) < 0) return make_error(Errc::kUsage, name + " is not an open descriptor");
    auto channel = std::make_shared<Channel>(fd, name);
    views.push_back(
        std::make_unique<JsonView>([channel](std::string_view line) { return channel->write(line); }));
  }
  return views;
}

std::chrono::milliseconds sample_interval(const CpOptions& options, const GlobalOptions& global,
                                          const Io& io) {
  if (shows_bar(options, io)) return std::chrono::milliseconds(200);
  if (options.progress == ProgressMode::kJson || json_elsewhere(options))
    return std::chrono::milliseconds(500);
  if (shows_lines(options, global, io)) return std::chrono::milliseconds(1000);
  return std::chrono::milliseconds(0);
}

}  // namespace sjcp::cli
