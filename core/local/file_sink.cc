#include "core/local/file_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/units.h"

namespace sjcp::local {
namespace {

constexpr std::string_view kSuffix = ".sjcp-part";
constexpr size_t kLongestName = 255;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

// FNV-1a: tells apart long names that share their first bytes.
uint64_t fingerprint(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return hash;
}

// Whether the open file still is what the path names.
bool same_file(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace

std::string temporary_name(const std::string& name) {
  std::string result(1, '.');
  if (result.size() + name.size() + kSuffix.size() <= kLongestName) {
    result += name;
  } else {
    char digits[18];
    std::snprintf(digits, sizeof digits, "-%016llx", static_cast<unsigned long long>(fingerprint(name)));
    result += name.substr(0, kLongestName - 1 - 17 - kSuffix.size());
    result += digits;
  }
  result += kSuffix;
  return result;
}

bool is_temporary_name(const std::string& name) {
  return name.size() > kSuffix.size() + 1 && name.front() == '.' && name.ends_with(kSuffix);
}

// The files in it are whole and in place: a failure here is no reason to call them failed.
void flush_folder(const std::string& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.valid()) ::fsync(opened.get());
}

FileSink::FileSink(std::string path, const FileSinkOptions& options)
    : path_(std::move(path)), options_(options) {}

FileSink::~FileSink() {
  abort();
}

Status FileSink::begin(uint64_t size) {
  size_ = size;
  Status status = find_target();
  if (status) status = create_temporary();
  if (status) status = reserve(size);
  return status;
}

// Resolves links, so that a rename replaces the file they point to and not the link.
Status FileSink::find_target() {
  target_ = path_;
  struct stat info {};
  if (::lstat(path_.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path_.c_str(), nullptr), &std::free);
    if (real == nullptr) return errno_error(path_ + ": cannot follow this symbolic link", errno);
    target_ = real.get();
  }
  folder_ = folder_of(target_);
  if (target_.empty() || target_.ends_with('/')) return errno_error(path_, EISDIR);
  if (::stat(target_.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      return make_error(Errc::kLocalIo, path_ + ": is a folder; name a file in it", EISDIR);
    }
    if (!S_ISREG(info.st_mode)) {
      return make_error(Errc::kLocalIo, path_ + ": is not a regular file and cannot be replaced", EINVAL);
    }
    // A rename would get around this permission; the owner of the file did not mean it to.
    if (::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) {
      return make_error(Errc::kLocalIo, path_ + ": no permission to write; remove it or make it writable",
                        errno);
    }
    keep_mode_ = info.st_mode & 0777;
  } else if (errno == ENOENT && options_.create_folders) {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    if (failed) return local_error(folder_ + ": cannot create the folder", failed.value());
  } else if (errno != ENOENT) {
    return local_error(path_, errno);
  }
  return {};
}

Status FileSink::create_temporary() {
  const std::string path = join(folder_, temporary_name(name_of(target_)));
  const Error busy = make_error(Errc::kConflict, path_ + ": another download is writing it (" + path + ")");
  // Each turn ends with a lock on the file that has the name, or finds that the name changed hands meanwhile.
  // Two turns are the rule; more than a few mean that somebody keeps creating and removing it.
  for (int turn = 0; turn < 16; ++turn) {
    bool fresh = true;
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!file.valid() && errno == EEXIST) {
      fresh = false;
      // Non-blocking, in case it is a pipe.
      file = Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (!file.valid() && errno == ENOENT) continue;
      if (!file.valid()) {
        return make_error(Errc::kConflict, path + ": is in the way and cannot be opened; remove it", errno);
      }
    }
    if (!file.valid()) return local_error(folder_, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return busy;
      // A file system without locks: a file just created is ours, one that was there may be anybody's.
      if (!fresh) return make_error(Errc::kConflict, path + ": is in the way; remove it if no download runs");
    }
    // Whoever had it may have renamed or removed it between open and lock.
    if (!same_file(file.get(), path)) continue;
    if (fresh) {
      temporary_ = path;
      file_ = std::move(file);
      // Fails only where permission bits mean nothing.
      if (keep_mode_ != 0) [[maybe_unused]]
        const int ignored = ::fchmod(file_.get(), keep_mode_);
      return {};
    }
    // Nobody holds the lock: a leftover.  Removed rather than reused, since whoever made it may still have
    // rights to it.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return make_error(Errc::kConflict, path + ": is in the way and cannot be removed", errno);
    }
  }
  return busy;
}

Status FileSink::reserve(uint64_t size) {
  if (size == 0) return {};
  const auto length = static_cast<off_t>(size);
  int result = 0;
  do {
    result = ::fallocate(file_.get(), 0, 0, length);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return {};
  // Not the C library's posix_fallocate: where the file system cannot reserve, it writes into every block.
  if (errno == EOPNOTSUPP || errno == ENOSYS) {
    if (::ftruncate(file_.get(), length) == 0) return {};
  }
  return local_error(path_, errno);
}

Status FileSink::write(uint64_t offset, ByteView data) {
  if (offset > size_ || data.size() > size_ - offset) {
    return make_error(Errc::kInternal, path_ + ": a write beyond the announced size");
  }
  ByteView rest = data;
  while (!rest.empty()) {
    if (aborted_) return make_error(Errc::kCancelled, path_ + ": aborted");
    const ssize_t count = ::pwrite(file_.get(), rest.data(), rest.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return local_error(path_, count < 0 ? errno : EIO);
    offset += static_cast<uint64_t>(count);
    rest = rest.sub(static_cast<size_t>(count));
  }
  written_ += data.size();
  return {};
}

Status FileSink::commit() {
  if (temporary_.empty()) return make_error(Errc::kInternal, path_ + ": nothing to commit");
  if (written_ != size_)
    return make_error(Errc::kInternal, path_ + ": committed before all bytes were written");
  if (options_.flush) {
    if (Status flushed = flush(); !flushed) return flushed;
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return errno_error(path_, errno);
  temporary_.clear();
  file_.reset();
  if (options_.flush) flush_folder(folder_);
  return {};
}

Status FileSink::flush() {
  if (::fdatasync(file_.get()) != 0) return local_error(path_, errno);
  return {};
}

void FileSink::abort() {
  aborted_ = true;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

Error FileSink::local_error(const std::string& path, int err) const {
  switch (err) {
    case ENOTDIR:
      return make_error(Errc::kLocalIo, path_ + ": a part of this path is a file, not a folder", err);
    case ENOENT:
      return make_error(Errc::kLocalIo,
                        path_ + ": the folder " + folder_ + " does not exist; create it first", err);
    case ENOSPC:
    case EDQUOT:
      return make_error(Errc::kLocalIo,
                        path_ + ": " + std::generic_category().message(err) + "; " + format_size(size_) +
                            " are needed in " + folder_,
                        err);
    case EFBIG:
      return make_error(Errc::kLocalIo,
                        path_ + ": " + format_size(size_) + " are more than a file may hold there", err);
    case EACCES:
    case EPERM:
    case EROFS:
      return make_error(Errc::kLocalIo,
                        path_ + ": cannot write in " + folder_ + ": " + std::generic_category().message(err),
                        err);
    default:
      return errno_error(path, err);
  }
}

}  // namespace sjcp::local
