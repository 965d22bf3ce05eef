#include "core/transfer/ordered_output.h"

#include <string>

namespace sjcp::transfer {

Status OrderedOutput::write(uint64_t offset, ByteView data) {
  if (offset != next_ || data.size() > end_ - next_) {
    return make_error(Errc::kInternal, "bytes arrived out of place at offset " + std::to_string(offset));
  }
  if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
  if (Status status = sink_.write(offset - base_, data); !status) return status;
  next_ += data.size();
  context_.counters->bytes_done.fetch_add(data.size(), std::memory_order_relaxed);
  written({offset, next_});
  return {};
}

}  // namespace sjcp::transfer
