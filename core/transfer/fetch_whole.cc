#include "core/transfer/fetch_whole.h"

namespace sjcp::transfer {
namespace {

// Holds the source to its promise of ascending, gapless writes, over all segments.
class WholeOutput final : public Output {
 public:
  WholeOutput(const ByteRange& range, Sink& sink, const Context& context)
      : range_(range), next_(range.begin), sink_(sink), context_(context) {}

  Status write(uint64_t offset, ByteView data) override {
    if (offset != next_ || data.size() > range_.end - next_) {
      return make_error(Errc::kInternal, "bytes arrived out of place at offset " + std::to_string(offset));
    }
    if (Status status = sink_.write(offset - range_.begin, data); !status) return status;
    next_ += data.size();
    context_.counters->bytes_done.fetch_add(data.size(), std::memory_order_relaxed);
    return {};
  }

  bool complete() const { return next_ == range_.end; }

 private:
  const ByteRange range_;
  uint64_t next_;
  Sink& sink_;
  const Context& context_;
};

}  // namespace

Result<CopySummary> fetch_whole(Source& source, const ObjectInfo& info, Sink& sink, const Context& context) {
  context.counters->bytes_total.fetch_add(info.range.size(), std::memory_order_relaxed);
  WholeOutput output(info.range, sink, context);
  for (const Segment& segment : source.segments()) {
    Status status = source.fetch(segment, output, context);
    if (!status) return std::move(status).error();
  }
  if (!output.complete()) return make_error(Errc::kInternal, info.name + ": ended early");
  return CopySummary{info.range.size(), source.segments().size()};
}

}  // namespace sjcp::transfer
