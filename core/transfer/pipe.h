// From one remote place to another, through a little memory.
//
// Bytes that come before their turn wait in the pipe as far as they fit, then with their writers.  The reader
// sees the end only after commit(): what turns out to be wrong is never stored under its name.
//
// Threads: the writing side as Sink, the reading side as Reader, both at the same time.
// Errors: kCancelled on one side once the other has given up.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "core/transfer/copy.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/range_set.h"
#include "core/transfer/reader.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"

namespace sjcp::transfer {

class Pipe final : public Sink, public Reader {
 public:
  // capacity: bytes, at least 1.  begun: called by begin(), before anything is written.
  Pipe(std::string name, uint64_t capacity, std::function<Status(uint64_t size)> begun = nullptr);

  // Until begin() has succeeded; false: abort() or cancel() came first.
  bool wait_for_begin();

  Status begin(uint64_t size) override;
  bool ordered() const override { return true; }
  void watch(std::function<void(ByteView)> passed) override { passed_ = std::move(passed); }
  Status write(uint64_t offset, ByteView data) override;
  Status commit() override;
  void abort() override;

  // After begin().
  std::optional<uint64_t> size() const override;
  Result<size_t> read(ByteSpan out) override;
  void cancel() override { abort(); }

  std::string name() const override { return name_; }

 private:
  // A part of the buffer that is in one piece: where `offset` is, at most so many bytes.
  ByteSpan place(uint64_t offset, uint64_t count);
  void pass(std::unique_lock<std::mutex>& lock);
  Error given_up() const;

  const std::string name_;
  const uint64_t capacity_;
  const std::function<Status(uint64_t size)> begun_;
  std::function<void(ByteView)> passed_;
  Bytes buffer_;  // the byte at offset o is at o % its size

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::optional<uint64_t> size_;
  RangeSet there_;
  uint64_t ready_ = 0;  // the reader may have everything before it
  uint64_t read_ = 0;
  bool passing_ = false;
  bool begun_well_ = false;
  bool complete_ = false;
  bool over_ = false;  // one side has given up
};

// Copies an object by downloading and uploading it at the same time.  Takes what it holds from context.budget
// at once, so that the two halves never wait for each other's memory.  Options are those of the download; the
// writer's segments are as many as fit.  An error of either side ends both; the more telling one is returned.
// The summary is the download's.
Result<CopySummary> relay(Source& source, ObjectWriter& writer, const CopyOptions& options,
                          const Context& context);

}  // namespace sjcp::transfer
