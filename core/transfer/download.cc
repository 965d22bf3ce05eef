#include <algorithm>
#include <atomic>
#include <functional>
#include <span>
#include <stop_token>

#include "core/base/scope_guard.h"
#include "core/transfer/copy.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {
namespace {

// What one fetch writes to: the part of the sink that belongs to its segment.  Holds the source to its
// promise of ascending, gapless writes, because a gap would otherwise be committed as zeros.
// Calls `half_done` once, when half of the segment is written.
class SegmentOutput final : public Output {
 public:
  SegmentOutput(const Segment& segment, uint64_t base, Sink& sink, const Context& context,
                std::function<void()> half_done)
      : next_(segment.bytes.begin),
        half_(segment.bytes.begin + (segment.bytes.size() + 1) / 2),
        end_(segment.bytes.end),
        base_(base),
        sink_(sink),
        context_(context),
        half_done_(std::move(half_done)) {}

  Status write(uint64_t offset, ByteView data) override {
    if (offset != next_ || data.size() > end_ - next_) {
      return make_error(Errc::kInternal, "bytes arrived out of place at offset " + std::to_string(offset));
    }
    if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
    Status status = sink_.write(offset - base_, data);
    if (!status) return status;
    if (next_ < half_ && next_ + data.size() >= half_) half_done_();
    next_ += data.size();
    context_.counters->bytes_done.fetch_add(data.size(), std::memory_order_relaxed);
    return {};
  }

  bool complete() const { return next_ == end_; }

 private:
  uint64_t next_;
  const uint64_t half_;
  const uint64_t end_;
  const uint64_t base_;
  Sink& sink_;
  const Context& context_;
  const std::function<void()> half_done_;
};

class Download {
 public:
  Download(Source& source, Sink& sink, ByteRange range, const Context& context)
      : source_(source),
        sink_(sink),
        base_(range.begin),
        group_(context.stop),
        context_{group_.stop(), context.budget, context.counters},
        link_(group_.stop(), [this] { idle_.request_stop(); }) {}

  Status run(unsigned parallelism) {
    const size_t segments = source_.segments().size();
    if (segments == 0) return {};
    const auto workers = static_cast<unsigned>(std::min<size_t>(std::max(parallelism, 1u), segments));
    ahead_ = workers;
    Status started = group_.start(workers, [this] { return work(); });
    if (!started) return started;
    // Workers may be blocked in the sink, behind a full pipe for instance: only abort() gets them out.
    if (!group_.wait()) sink_.abort();
    return group_.join();
  }

 private:
  Status work() {
    const std::vector<Segment>& segments = source_.segments();
    while (next_.load() < segments.size()) {
      // Budget first, number second: whoever holds a number can run.  Otherwise the segment that an ordered
      // sink waits for could itself wait for the memory of those behind it.
      auto lease = context_.budget->acquire(source_.memory_per_segment(), idle_.get_token());
      if (!lease) return context_.stop.stop_requested() ? Status(std::move(lease).error()) : Status();
      const size_t number = next_.fetch_add(1);
      if (number + 1 >= segments.size()) idle_.request_stop();
      if (number >= segments.size()) return {};
      Status status = fetch(segments[number]);
      if (!status) return status;
    }
    return {};
  }

  Status fetch(const Segment& segment) {
    context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
    ScopeGuard leave([&] { context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
    // Not earlier: what is asked for ahead may be paid for even if the transfer ends here.
    SegmentOutput output(segment, base_, sink_, context_, [this] { expect_next(); });
    Status status = source_.fetch(segment, output, context_);
    if (status && !output.complete()) {
      return make_error(Errc::kInternal, "segment " + std::to_string(segment.index) + " ended early");
    }
    return status;
  }

  void expect_next() {
    const std::span segments(source_.segments());
    const size_t begin = std::min(next_.load(), segments.size());
    source_.expect(segments.subspan(begin, std::min<size_t>(ahead_, segments.size() - begin)));
  }

  Source& source_;
  Sink& sink_;
  const uint64_t base_;
  size_t ahead_ = 1;  // segments that may begin before the next half is done
  std::atomic<size_t> next_{0};
  std::stop_source idle_;  // stop: nothing is left to wait for budget for
  WorkerGroup group_;
  const Context context_;  // as given, but stopped by the group
  std::stop_callback<std::function<void()>> link_;
};

Status check_segments(const std::vector<Segment>& segments, const ByteRange& range) {
  uint64_t position = range.begin;
  for (const Segment& segment : segments) {
    if (segment.bytes.begin != position || segment.bytes.end <= position) {
      return make_error(Errc::kInternal, "segment " + std::to_string(segment.index) + " is out of place");
    }
    position = segment.bytes.end;
  }
  if (position != range.end) return make_error(Errc::kInternal, "the segments do not add up to the object");
  return {};
}

}  // namespace

Result<CopySummary> download(Source& source, Sink& sink, const CopyOptions& options, const Context& context) {
  ScopeGuard give_up([&] { sink.abort(); });
  auto info = source.open(options.range, context);
  if (!info) return std::move(info).error();
  const uint64_t size = info->range.size();
  context.counters->bytes_total.fetch_add(size, std::memory_order_relaxed);
  Status status = check_segments(source.segments(), info->range);
  if (!status) return with_context(std::move(status).error(), info->name);

  const std::span segments(source.segments());
  source.expect(segments.first(std::min<size_t>(std::max(options.parallelism, 1u), segments.size())));
  status = sink.begin(size);
  if (!status) return std::move(status).error();
  {
    Download job(source, sink, info->range, context);
    status = job.run(options.parallelism);
  }
  if (!status) return std::move(status).error();
  if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  status = sink.commit();
  if (!status) return std::move(status).error();
  give_up.dismiss();
  return CopySummary{size, source.segments().size()};
}

}  // namespace sjcp::transfer
