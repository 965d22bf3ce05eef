// A local destination of a download: a file, or a stream such as stdout.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::transfer {

// Threads: begin, commit and abort from one thread; write from any number, for disjoint ranges, also while
// abort runs.
class Sink {
 public:
  virtual ~Sink() = default;

  // `size` bytes will come; offsets count from 0.
  virtual Status begin(uint64_t size) = 0;
  virtual Status write(uint64_t offset, ByteView data) = 0;
  // Makes the result durable and visible under its final name.
  virtual Status commit() = 0;
  // Leaves the destination as it was before begin().  Safe to call at any time before commit() succeeded,
  // also twice; unblocks writers: their write() and every later one fails with kCancelled.
  virtual void abort() = 0;

  virtual std::string name() const = 0;
};

}  // namespace sjcp::transfer
