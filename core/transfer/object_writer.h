// A remote object being written by segments, several at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/transfer/context.h"
#include "core/transfer/reader.h"

namespace sjcp::transfer {

// Takes bytes of one segment in order.  One thread at a time.
class SegmentWriter {
 public:
  virtual ~SegmentWriter() = default;
  // More plaintext of this segment; never more than segment_size() in all.
  virtual Status append(ByteView data) = 0;
};

// Threads: begin_segment() is called in order of segments by one thread at a time; finish_segment() from any
// number of threads; commit(), abort() and suspend() after all of them returned.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;

  virtual uint64_t segment_size() const = 0;  // plain bytes of every segment but the last
  virtual uint64_t memory_per_segment()
      const = 0;  // held from begin_segment() to the end of finish_segment()

  // Segment `index` comes soon, and is large: what takes time may begin.  In order, from one thread at a
  // time, after keep() and resume(), and for some segments only.
  virtual void expect(uint64_t index, const Context& context) {
    static_cast<void>(index), static_cast<void>(context);
  }

  // A new segment, number `index` from 0.
  virtual Result<std::unique_ptr<SegmentWriter>> begin_segment(uint64_t index) = 0;

  // As memory_per_segment(), of a segment that is read where it is instead of being appended; nothing: the
  // writer wants to be given the bytes.
  virtual std::optional<uint64_t> memory_per_part() const { return std::nullopt; }
  // Such a segment; the reader outlives it.
  virtual Result<std::unique_ptr<SegmentWriter>> begin_segment(uint64_t index, const ReaderPart& part) {
    static_cast<void>(index), static_cast<void>(part);
    return make_error(Errc::kUnsupported, "takes bytes only");
  }
  // All bytes are in; sends them.  `last`: no further segment follows (an empty object is one empty last
  // segment). Blocks until the segment is stored.
  virtual Status finish_segment(std::unique_ptr<SegmentWriter> segment, bool last,
                                const Context& context) = 0;

  // Makes the object visible.  Blocks.
  virtual Status commit(const Context& context) = 0;
  // Best effort: removes what was stored.  Never leaves a visible object.
  virtual void abort() = 0;

  // The rest is for uploads that a later run goes on with.  A writer whose destination() is empty has none of
  // it.

  // Names the object among all, the same in every process: lower-case letters and digits.
  virtual std::string destination() const { return ""; }
  // Before the first segment: `begun` is called once there is something to go on with, at most once, from any
  // thread and before commit() or suspend() return, with an opaque text for resume().
  virtual void keep(const std::function<void(const std::string& pending)>& begun) {
    static_cast<void>(begun);
  }
  // Before the first segment: takes up what an earlier run began for an object of so many bytes.  The
  // segments that are stored and must not come again.  An error: it cannot be gone on with.
  virtual Result<std::set<uint64_t>> resume(const std::string& pending, uint64_t size,
                                            const Context& context) {
    static_cast<void>(pending), static_cast<void>(size), static_cast<void>(context);
    return make_error(Errc::kUnsupported, "cannot be resumed");
  }
  // Instead of abort(): stores what can be stored in a moment and leaves the rest of the work to a later run.
  // The bytes that are stored; 0: nothing that is worth it, abort() is called.
  virtual uint64_t suspend() { return 0; }
  // Best effort: removes what an earlier run began.
  virtual void discard(const std::string& pending) { static_cast<void>(pending); }
};

}  // namespace sjcp::transfer
