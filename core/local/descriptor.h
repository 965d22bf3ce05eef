// A file descriptor with one owner, and a signal that ends waiting on it.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

#include "core/base/result.h"

namespace sjcp::local {

// Closes when destroyed.  -1: none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// Whether the open file still is what the path names, links not followed.
bool names_open_file(const std::string& path, int fd);

// Once raised it stays raised.  Threads: any.
class CancelSignal {
 public:
  CancelSignal();

  void raise();

  // Until a read of fd (or a write of PIPE_BUF bytes) does not block; errors and hang-ups count as ready,
  // because the call that follows reports them.  kCancelled once raised.
  Status wait_readable(int fd) const;
  Status wait_writable(int fd) const;

 private:
  Status wait(int fd, short events) const;
  Descriptor event_;
};

}  // namespace sjcp::local
