#include "core/local/stream_sink.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sjcp::local {

StreamSink::StreamSink(int fd, std::string name, uint64_t buffer_bytes)
    : given_(fd), fd_(fd), name_(std::move(name)), buffer_bytes_(buffer_bytes) {}

StreamSink::StreamSink(Descriptor fd, std::string name, uint64_t buffer_bytes)
    : owned_(std::move(fd)),
      given_(owned_.get()),
      fd_(given_),
      name_(std::move(name)),
      buffer_bytes_(buffer_bytes) {}

Status StreamSink::begin(uint64_t size) {
  choose_descriptor();
  std::lock_guard lock(mutex_);
  size_ = size;
  return {};
}

// A write must not block where abort() cannot reach it.  Regular files do not block.  The flag O_NONBLOCK on
// the descriptor itself would be seen by every process that shares it, so a pipe is opened a second time;
// what cannot be opened again (sockets, a pipe of another user) is fed in pieces that fit when it says that
// it is writable.
void StreamSink::choose_descriptor() {
  constexpr size_t kLarge = 1 << 20;
  chunk_ = PIPE_BUF;
  struct stat info{};
  if (::fstat(given_, &info) != 0) return;
  if (S_ISREG(info.st_mode) || S_ISBLK(info.st_mode)) chunk_ = kLarge;
  if (!S_ISFIFO(info.st_mode)) return;
  const std::string path = "/proc/self/fd/" + std::to_string(given_);
  reopened_ = Descriptor(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!reopened_.valid()) return;
  fd_ = reopened_.get();
  chunk_ = kLarge;
  // Fewer switches between the two ends.  Refused when the user has too many large pipes; nothing depends on
  // it.
  ::fcntl(fd_, F_SETPIPE_SZ, static_cast<int>(kLarge));
}

Status StreamSink::write(uint64_t offset, ByteView data) {
  std::unique_lock lock(mutex_);
  if (offset > size_ || data.size() > size_ - offset) {
    return make_error(Errc::kInternal, name_ + ": a write beyond the announced size");
  }
  for (;;) {
    if (error_) return *error_;
    if (data.empty()) return {};
    if (offset < next_) return make_error(Errc::kInternal, name_ + ": bytes arrived twice");
    if (offset == next_ && !writing_) return advance(lock, data);
    if (data.size() <= buffer_bytes_ - kept_bytes_) {
      const bool fresh = kept_.emplace(offset, Bytes(data.begin(), data.end())).second;
      if (!fresh) return make_error(Errc::kInternal, name_ + ": bytes arrived twice");
      kept_bytes_ += data.size();
      return {};
    }
    changed_.wait(lock);
  }
}

Status StreamSink::advance(std::unique_lock<std::mutex>& lock, ByteView data) {
  writing_ = true;
  Bytes taken;
  for (;;) {
    next_ += data.size();
    lock.unlock();
    if (passed_) passed_(data);
    Status status = write_out(data);
    lock.lock();
    if (!status && !error_) error_ = std::move(status).error();
    const auto following = kept_.find(next_);
    if (error_ || following == kept_.end()) break;
    taken = std::move(following->second);
    kept_.erase(following);
    kept_bytes_ -= taken.size();
    data = ByteView(ByteSpan(taken));
    changed_.notify_all();
  }
  writing_ = false;
  changed_.notify_all();
  return error_ ? Status(*error_) : Status();
}

Status StreamSink::write_out(ByteView data) {
  while (!data.empty()) {
    Status ready = cancel_.wait_writable(fd_);
    if (!ready) return with_context(std::move(ready).error(), name_);
    const ssize_t count = ::write(fd_, data.data(), std::min(data.size(), chunk_));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0 && errno == EPIPE) {
      return make_error(Errc::kLocalIo, name_ + ": the program that reads it has ended", EPIPE);
    }
    if (count <= 0) return errno_error(name_, count < 0 ? errno : EIO);
    data = data.sub(static_cast<size_t>(count));
  }
  return {};
}

Status StreamSink::commit() {
  std::lock_guard lock(mutex_);
  if (error_) return *error_;
  if (size_ != transfer::kUnknownSize && next_ != size_) {
    return make_error(Errc::kInternal, name_ + ": committed before all bytes were written");
  }
  return {};
}

void StreamSink::abort() {
  cancel_.raise();
  std::lock_guard lock(mutex_);
  if (!error_) error_ = make_error(Errc::kCancelled, name_ + ": aborted");
  kept_.clear();
  kept_bytes_ = 0;
  changed_.notify_all();
}

uint64_t StreamSink::buffered() const {
  std::lock_guard lock(mutex_);
  return kept_bytes_;
}

}  // namespace sjcp::local
