// A remote object being written by segments, several at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/transfer/context.h"

namespace sjcp::transfer {

// Takes bytes of one segment in order.  One thread at a time.
class SegmentWriter {
 public:
  virtual ~SegmentWriter() = default;
  // More plaintext of this segment; never more than segment_size() in all.
  virtual Status append(ByteView data) = 0;
};

// Threads: begin_segment() is called in order of segments by one thread at a time; finish_segment() from any
// number of threads; commit() and abort() after all of them returned.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;

  virtual uint64_t segment_size() const = 0;  // plain bytes of every segment but the last
  virtual uint64_t memory_per_segment()
      const = 0;  // held from begin_segment() to the end of finish_segment()

  // A new segment, number `index` from 0.
  virtual Result<std::unique_ptr<SegmentWriter>> begin_segment(uint64_t index) = 0;
  // All bytes are in; sends them.  `last`: no further segment follows (an empty object is one empty last
  // segment). Blocks until the segment is stored.
  virtual Status finish_segment(std::unique_ptr<SegmentWriter> segment, bool last,
                                const Context& context) = 0;

  // Makes the object visible.  Blocks.
  virtual Status commit(const Context& context) = 0;
  // Best effort: removes what was stored.  Never leaves a visible object.
  virtual void abort() = 0;
};

}  // namespace sjcp::transfer
