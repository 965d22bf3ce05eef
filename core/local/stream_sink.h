// A download into something that takes bytes only in order: stdout, a pipe, a device.
//
// Segments arrive out of order.  Bytes that are next go straight to the descriptor, in the thread that
// brought them; bytes ahead of their turn are kept up to a limit, and beyond it their writers wait.  The
// writer whose bytes are next never waits for another, so the stream always advances.
//
// The process must ignore SIGPIPE.  Errors: kLocalIo (EPIPE: the reader has gone).  What was written stays
// written: abort() cannot take it back.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/local/descriptor.h"
#include "core/transfer/sink.h"

namespace sjcp::local {

class StreamSink final : public transfer::Sink {
 public:
  static constexpr uint64_t kDefaultBuffer = 32ull << 20;

  // Writes to fd, which stays open and belongs to the caller.  buffer_bytes: limit of bytes kept; 0 keeps
  // none.
  StreamSink(int fd, std::string name, uint64_t buffer_bytes = kDefaultBuffer);
  // Owns the descriptor.
  StreamSink(Descriptor fd, std::string name, uint64_t buffer_bytes = kDefaultBuffer);

  Status begin(uint64_t size) override;
  Status write(uint64_t offset, ByteView data) override;
  Status commit() override;
  void abort() override;
  bool ordered() const override { return true; }
  void watch(std::function<void(ByteView)> passed) override { passed_ = std::move(passed); }
  std::string name() const override { return name_; }

  // Bytes kept now; for tests.
  uint64_t buffered() const;

 private:
  void choose_descriptor();
  // Writes data and all kept bytes that follow it.  Requires: lock held by `lock`, no other thread writing.
  Status advance(std::unique_lock<std::mutex>& lock, ByteView data);
  Status write_out(ByteView data);

  Descriptor owned_;
  const int given_;
  Descriptor reopened_;  // the same pipe, non-blocking without changing it for others
  int fd_;
  size_t chunk_ = 0;  // a write of so many bytes does not block when the descriptor is writable
  const std::string name_;
  const uint64_t buffer_bytes_;
  CancelSignal cancel_;
  std::function<void(ByteView)> passed_;  // sees what leaves

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  uint64_t size_ = 0;
  uint64_t next_ = 0;  // everything before it is written or being written
  bool writing_ = false;
  std::map<uint64_t, Bytes> kept_;
  uint64_t kept_bytes_ = 0;
  std::optional<Error> error_;  // of the stream, or of abort(); every later write fails with it
};

}  // namespace sjcp::local
