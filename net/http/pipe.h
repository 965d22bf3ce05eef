// Bytes on their way from a thread that has them to one that sends them, a limited number at a time.
//
// Threads: one that writes, one that reads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::http {

class Pipe final : public RequestBody {
 public:
  static constexpr size_t kCapacity = 4 << 20;

  explicit Pipe(std::optional<uint64_t> size) : size_(size) {}

  // The writing side.  Blocks while the pipe is full; false: nobody reads any more.
  bool write(ByteView bytes);
  // No more follows.
  void finish();
  // Whoever reads gets this error.
  void fail(Error error);
  // The reading side is gone: write() gives up.
  void close();

  // The reading side.
  std::optional<uint64_t> size() const override { return size_; }
  Result<size_t> read(ByteSpan out) override;
  // As long as all that was written is still held: before the first read(), or no more than kCapacity.
  Status rewind() override;

 private:
  const std::optional<uint64_t> size_;
  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::unique_ptr<uint8_t[]> ring_;
  uint64_t written_ = 0;
  uint64_t read_ = 0;
  bool over_ = false;  // something is written, or about to be, where something else was
  bool finished_ = false;
  bool closed_ = false;
  std::optional<Error> error_;
};

}  // namespace sjcp::http
