// What a fetch writes to: a range of the object, on its way into a sink.
//
// Holds the source to its promise of ascending, gapless writes, because a gap would otherwise be committed as
// zeros, and counts the bytes as done.
//
// Threads: as Output.  Errors: kInternal for bytes out of place, kCancelled once stopped, else the sink's.
#pragma once

#include "core/transfer/context.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"

namespace sjcp::transfer {

class OrderedOutput : public Output {
 public:
  // base: where the sink's offset 0 is in the object.  Sink and context must outlive it.
  OrderedOutput(const ByteRange& range, uint64_t base, Sink& sink, const Context& context)
      : next_(range.begin), end_(range.end), base_(base), sink_(sink), context_(context) {}

  Status write(uint64_t offset, ByteView data) final;
  // Every byte of the range has been written.
  bool complete() const { return next_ == end_; }

 private:
  // After each write.
  virtual void written(const ByteRange& bytes) { static_cast<void>(bytes); }

  uint64_t next_;
  const uint64_t end_;
  const uint64_t base_;
  Sink& sink_;
  const Context& context_;
};

}  // namespace sjcp::transfer
