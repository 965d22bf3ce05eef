#include "core/transfer/fetch_whole.h"

#include "core/transfer/ordered_output.h"

namespace sjcp::transfer {

Result<CopySummary> fetch_whole(Source& source, const ObjectInfo& info, Sink& sink, const Context& context) {
  context.counters->bytes_total.fetch_add(info.range.size(), std::memory_order_relaxed);
  OrderedOutput output(info.range, info.range.begin, sink, context);
  for (const Segment& segment : source.segments()) {
    Status status = source.fetch(segment, output, context);
    if (!status) return std::move(status).error();
  }
  if (!output.complete()) return make_error(Errc::kInternal, info.name + ": ended early");
  return CopySummary{info.range.size(), source.segments().size()};
}

}  // namespace sjcp::transfer
