#include "core/local/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sjcp::local {
namespace {

struct Opened {
  Descriptor file;
  struct stat info{};
};

Result<Opened> open_path(const std::string& path) {
  Opened result;
  // Non-blocking, because the open of a named pipe would wait for a writer where no signal ends it.
  result.file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!result.file.valid()) {
    Error error = errno_error(path, errno);
    if (error.cause == ENOENT || error.cause == ENOTDIR) error.code = Errc::kNotFound;
    return error;
  }
  if (::fstat(result.file.get(), &result.info) != 0) return errno_error(path, errno);
  if (S_ISDIR(result.info.st_mode)) return make_error(Errc::kLocalIo, path + ": is a folder", EISDIR);
  return result;
}

std::string identity_of(const struct stat& info) {
  std::string out;
  // The time of the last change of the file's entry as well: unlike the other it cannot be set back.
  for (const int64_t number :
       {static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), int64_t{info.st_size},
        int64_t{info.st_mtim.tv_sec}, int64_t{info.st_mtim.tv_nsec}, int64_t{info.st_ctim.tv_sec},
        int64_t{info.st_ctim.tv_nsec}}) {
    out += std::to_string(number) + ' ';
  }
  return out;
}

}  // namespace

FileReader::FileReader(Descriptor file, std::string path, const struct stat& info)
    : file_(std::move(file)),
      path_(std::move(path)),
      size_(static_cast<uint64_t>(info.st_size)),
      opened_(identity_of(info)) {
  // Only a hint: the kernel reads further ahead.
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

Result<std::unique_ptr<FileReader>> FileReader::open(const std::string& path) {
  auto opened = open_path(path);
  if (!opened) return std::move(opened).error();
  if (!S_ISREG(opened->info.st_mode)) return make_error(Errc::kLocalIo, path + ": is not a regular file");
  return std::unique_ptr<FileReader>(new FileReader(std::move(opened->file), path, opened->info));
}

Result<size_t> FileReader::read(ByteSpan out) {
  size_t filled = 0;
  while (filled < out.size() && offset_ <= size_) {
    // Up to one byte beyond the end: that a file grew shows only there.
    const size_t wanted = std::min<uint64_t>(out.size() - filled, size_ - offset_ + 1);
    const ssize_t count = ::pread(file_.get(), out.data() + filled, wanted, static_cast<off_t>(offset_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(path_, errno);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
    offset_ += static_cast<uint64_t>(count);
  }
  if (offset_ > size_) return make_error(Errc::kConflict, path_ + ": grew while it was read; try again");
  if (filled < out.size() && offset_ < size_) {
    return make_error(Errc::kConflict, path_ + ": became shorter while it was read; try again");
  }
  return filled;
}

Status FileReader::skip(uint64_t bytes) {
  if (offset_ > size_ || bytes > size_ - offset_) {
    return make_error(Errc::kInternal, path_ + ": skipped beyond its end");
  }
  offset_ += bytes;
  return {};
}

std::string FileReader::identity() const {
  struct stat info{};
  return ::fstat(file_.get(), &info) == 0 ? identity_of(info) : "";
}

Status FileReader::read_at(uint64_t offset, ByteSpan out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(path_, errno);
    if (count == 0) {
      return make_error(Errc::kConflict, path_ + ": became shorter while it was read; try again");
    }
    offset += static_cast<uint64_t>(count);
    out = out.subspan(static_cast<size_t>(count));
  }
  return {};
}

void FileReader::expect(uint64_t offset, uint64_t size) {
  ::posix_fadvise(file_.get(), static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

Status FileReader::unchanged() const {
  if (identity() == opened_) return {};
  return make_error(Errc::kConflict, path_ + ": changed while it was read; try again");
}

Result<size_t> StreamReader::read(ByteSpan out) {
  size_t filled = 0;
  while (filled < out.size()) {
    Status ready = cancel_.wait_readable(fd_);
    if (!ready) return with_context(std::move(ready).error(), name_);
    const ssize_t count = ::read(fd_, out.data() + filled, out.size() - filled);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return errno_error(name_, errno);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  return filled;
}

Result<std::unique_ptr<transfer::Reader>> open_reader(const std::string& path) {
  using Made = std::unique_ptr<transfer::Reader>;
  if (path == "-") return Made(std::make_unique<StreamReader>(STDIN_FILENO, "stdin"));
  auto opened = open_path(path);
  if (!opened) return std::move(opened).error();
  if (S_ISREG(opened->info.st_mode)) {
    return Made(new FileReader(std::move(opened->file), path, opened->info));
  }
  return Made(std::make_unique<StreamReader>(std::move(opened->file), path));
}

}  // namespace sjcp::local
