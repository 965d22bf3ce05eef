// A local origin of an upload, read once from front to back: a file or stdin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::transfer {

// Threads: one at a time; cancel() from any.
class Reader {
 public:
  virtual ~Reader() = default;

  // Known for regular files only.
  virtual std::optional<uint64_t> size() const = 0;
  // Fills as much of `out` as there is; less than out.size() only at the end.  kConflict when a file of known
  // size turns out shorter or longer than it was.
  virtual Result<size_t> read(ByteSpan out) = 0;

  // Leaves out so many bytes; no more than there are.  For readers with an identity.
  virtual Status skip(uint64_t bytes) {
    static_cast<void>(bytes);
    return make_error(Errc::kUnsupported, name() + ": is read from front to back");
  }
  // Opaque; as long as it stays the same, so do the bytes.  Empty: nobody can tell.  Any number of times.
  virtual std::string identity() const { return ""; }

  // Makes a read() that waits for data, and every later one, fail with kCancelled.  Must not block.  Nothing
  // to do for readers whose reads end by themselves.
  virtual void cancel() {}

  virtual std::string name() const = 0;
};

}  // namespace sjcp::transfer
