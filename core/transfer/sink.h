// A local destination of a download: a file, or a stream such as stdout.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/transfer/content.h"
#include "core/transfer/range_set.h"

namespace sjcp::transfer {

// Threads: begin, resume, commit, abort and kept from one thread; write from any number, for disjoint ranges,
// also while abort runs.
class Sink {
 public:
  virtual ~Sink() = default;

  // `size` bytes will come; offsets count from 0.  kUnknownSize: as many as there are, in order, written by
  // one thread.
  virtual Status begin(uint64_t size) = 0;
  // begin() for the bytes of content.range: what an earlier run verified and stored, and need not come again.
  // kConflict when that was of another version of the object.
  virtual Result<RangeSet> resume(const Content& content) {
    Status begun = begin(content.range.size());
    if (!begun) return std::move(begun).error();
    return RangeSet();
  }
  virtual Status write(uint64_t offset, ByteView data) = 0;
  // True: bytes leave in order, and those that come before their turn wait in memory or with their writer.
  virtual bool ordered() const { return false; }
  // Ordered sinks, before begin(): `passed` gets all bytes in their order, from the threads that write, one
  // at a time.
  virtual void watch(std::function<void(ByteView)> passed) { static_cast<void>(passed); }
  // Others: reads back what was written, or is there from an earlier run.  Any thread.
  virtual Status read(uint64_t offset, ByteSpan out) {
    static_cast<void>(offset), static_cast<void>(out);
    return make_error(Errc::kUnsupported, name() + ": what was written cannot be read back");
  }
  // The same: puts other bytes in the place of those that were written.  Any thread.
  virtual Status rewrite(uint64_t offset, ByteView data) {
    static_cast<void>(offset), static_cast<void>(data);
    return make_error(Errc::kUnsupported, name() + ": what was written cannot be changed");
  }
  // The time that the object has of its own; for sinks that keep it.
  virtual void modified(std::chrono::system_clock::time_point when) { static_cast<void>(when); }
  // Makes the result durable and visible under its final name.
  virtual Status commit() = 0;
  // Leaves the destination as it was before begin(), and beside it what resume() can go on from, if anything.
  // Safe to call at any time before commit() succeeded, also twice; unblocks writers: their write() and every
  // later one fails with kCancelled.
  virtual void abort() = 0;
  // Instead of abort(), when the bytes turn out to be wrong: nothing stays for resume().  The name under
  // which they were put aside; empty: they are gone.
  virtual std::string reject() {
    abort();
    return "";
  }
  // After abort(): bytes that resume() would find.
  virtual uint64_t kept() const { return 0; }

  virtual std::string name() const = 0;
};

}  // namespace sjcp::transfer
