#include "core/local/open_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/local/stream_sink.h"

namespace sjcp::local {

bool is_stream(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode));
}

Result<std::unique_ptr<transfer::Sink>> open_sink(const std::string& path, const FileSinkOptions& options) {
  using Made = std::unique_ptr<transfer::Sink>;
  if (path == "-") return Made(std::make_unique<StreamSink>(STDOUT_FILENO, "stdout"));
  if (!is_stream(path)) return Made(std::make_unique<FileSink>(path, options));
  // Non-blocking: a named pipe without a reader is refused (ENXIO) where a blocking open would wait for ever.
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() && errno == ENXIO) {
    return make_error(Errc::kLocalIo, path + ": no program reads from this pipe; start it first", ENXIO);
  }
  if (!fd.valid()) return errno_error(path, errno);
  return Made(std::make_unique<StreamSink>(std::move(fd), path));
}

}  // namespace sjcp::local
