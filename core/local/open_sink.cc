#include "core/local/open_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/local/stream_sink.h"

namespace sjcp::local {
namespace {

bool is_link(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

}  // namespace

bool is_stream(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode));
}

Result<std::unique_ptr<transfer::Sink>> open_sink(const Place& place, const FileSinkOptions& options) {
  using Opened = std::unique_ptr<transfer::Sink>;
  const std::string& path = place.path;
  const int follow = place.named == Place::kAll ? 0 : O_NOFOLLOW;
  if (path == "-") return Opened(std::make_unique<StreamSink>(STDOUT_FILENO, "stdout"));
  if (!is_stream(path) || (follow != 0 && is_link(path)))
    return Opened(std::make_unique<FileSink>(place, options));
  // Non-blocking: a named pipe without a reader is refused (ENXIO) where a blocking open would wait for ever.
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow));
  if (!fd.valid() && errno == ENXIO) {
    return make_error(Errc::kLocalIo, path + ": no program reads from this pipe; start it first", ENXIO);
  }
  if (!fd.valid()) return errno_error(path, errno);
  return Opened(std::make_unique<StreamSink>(std::move(fd), path));
}

}  // namespace sjcp::local
