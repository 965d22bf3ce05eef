// A local origin of an upload, read once from front to back: a file or stdin.
#pragma once

#include <cstdint>
#include <functional>
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

  // The rest is for readers that can be read anywhere, as often as needed, beside read(); of known size, with
  // an identity.
  virtual bool anywhere() const { return false; }
  // All of `out`.  Any number of threads.  kConflict when there is less.
  virtual Status read_at(uint64_t offset, ByteSpan out) const {
    static_cast<void>(offset), static_cast<void>(out);
    return make_error(Errc::kUnsupported, name() + ": is read from front to back");
  }
  // These bytes are read soon: may begin to bring them from the disk, in the order of the calls.
  virtual void expect(uint64_t offset, uint64_t size) { static_cast<void>(offset), static_cast<void>(size); }
  // kConflict once the bytes may be others than those that were opened.  Any number of threads.
  virtual Status unchanged() const { return {}; }
};

// A part of what a reader reads, which stays where it is.  The reader outlives it.
//
// Threads: any.
class ReaderPart {
 public:
  ReaderPart(const Reader& reader, uint64_t offset, uint64_t size)
      : reader_(reader), offset_(offset), size_(size) {}

  uint64_t size() const { return size_; }
  Status read(uint64_t position, ByteSpan out) const { return reader_.read_at(offset_ + position, out); }
  Status unchanged() const { return reader_.unchanged(); }
  // All of it in order, a little at a time.
  Status each(const std::function<void(ByteView)>& piece) const;

 private:
  const Reader& reader_;
  const uint64_t offset_;
  const uint64_t size_;
};

}  // namespace sjcp::transfer
