#include <algorithm>
#include <atomic>
#include <functional>
#include <stop_token>
#include <utility>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {
namespace {

// What one fetch writes to: the part of the sink that belongs to its segment.  Holds the source to its
// promise of ascending, gapless writes, because a gap would otherwise be committed as zeros.
class SegmentOutput final : public Output {
 public:
  SegmentOutput(const Segment& segment, uint64_t base, Sink& sink, const Context& context)
      : next_(segment.bytes.begin), end_(segment.bytes.end), base_(base), sink_(sink), context_(context) {}

  Status write(uint64_t offset, ByteView data) override {
    if (offset != next_ || data.size() > end_ - next_) {
      return make_error(Errc::kInternal, "bytes arrived out of place at offset " + std::to_string(offset));
    }
    if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
    Status status = sink_.write(offset - base_, data);
    if (!status) return status;
    next_ += data.size();
    context_.counters->bytes_done.fetch_add(data.size(), std::memory_order_relaxed);
    return {};
  }

  bool complete() const { return next_ == end_; }

 private:
  uint64_t next_;
  const uint64_t end_;
  const uint64_t base_;
  Sink& sink_;
  const Context& context_;
};

class Download {
 public:
  // `segments`: what is to be fetched, parts of the source's segments.
  Download(Source& source, Sink& sink, std::vector<Segment> segments, uint64_t base, const Context& context)
      : source_(source),
        sink_(sink),
        segments_(std::move(segments)),
        base_(base),
        group_(context.stop),
        context_{group_.stop(), context.budget, context.counters},
        link_(group_.stop(), [this] { idle_.request_stop(); }) {}

  Status run(unsigned parallelism) {
    if (segments_.empty()) return {};
    const auto workers = static_cast<unsigned>(std::min<size_t>(std::max(parallelism, 1u), segments_.size()));
    Status started = group_.start(workers, [this] { return work(); });
    if (!started) return started;
    // Workers may be blocked in the sink, behind a full pipe for instance: only abort() gets them out.
    if (!group_.wait()) sink_.abort();
    return group_.join();
  }

 private:
  Status work() {
    while (next_.load() < segments_.size()) {
      // Budget first, number second: whoever holds a number can run.  Otherwise the segment that an ordered
      // sink waits for could itself wait for the memory of those behind it.
      auto lease = context_.budget->acquire(source_.memory_per_segment(), idle_.get_token());
      if (!lease) return context_.stop.stop_requested() ? Status(std::move(lease).error()) : Status();
      const size_t number = next_.fetch_add(1);
      if (number + 1 >= segments_.size()) idle_.request_stop();
      if (number >= segments_.size()) return {};
      Status status = fetch(segments_[number]);
      if (!status) return status;
    }
    return {};
  }

  Status fetch(const Segment& segment) {
    context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
    ScopeGuard leave([&] { context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
    SegmentOutput output(segment, base_, sink_, context_);
    Status status = source_.fetch(segment, output, context_);
    if (status && !output.complete()) {
      return make_error(Errc::kInternal, "segment " + std::to_string(segment.index) + " ended early");
    }
    return status;
  }

  Source& source_;
  Sink& sink_;
  const std::vector<Segment> segments_;
  const uint64_t base_;
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

// The parts of the segments that the sink does not have yet.  Its offsets count from `base`.
std::vector<Segment> missing_parts(const std::vector<Segment>& segments, const RangeSet& there,
                                   uint64_t base) {
  std::vector<Segment> out;
  for (const Segment& segment : segments) {
    for (const ByteRange& gap : there.missing({segment.bytes.begin - base, segment.bytes.end - base})) {
      out.push_back({segment.index, {gap.begin + base, gap.end + base}});
    }
  }
  return out;
}

Result<CopySummary> run(Source& source, Sink& sink, const CopyOptions& options, const Context& context) {
  auto info = source.open(options.range, context);
  if (!info) return std::move(info).error();
  CopySummary summary{info->range.size(), source.segments().size()};
  if (options.skip && options.skip(*info)) {
    summary.skipped = true;
    return summary;
  }
  Counters& counters = *context.counters;
  counters.bytes_total.fetch_add(summary.bytes, std::memory_order_relaxed);
  Status status = check_segments(source.segments(), info->range);
  if (!status) return with_context(std::move(status).error(), info->name);

  const uint64_t base = info->range.begin;
  auto there = sink.resume({info->name, info->version, info->size, info->range});
  if (!there) return std::move(there).error();
  summary.resumed = there->bytes();
  counters.bytes_resumed.fetch_add(summary.resumed, std::memory_order_relaxed);
  counters.bytes_done.fetch_add(summary.resumed, std::memory_order_relaxed);
  {
    Download job(source, sink, missing_parts(source.segments(), *there, base), base, context);
    status = job.run(options.parallelism);
  }
  if (!status) return std::move(status).error();
  if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  status = sink.commit();
  if (!status) return std::move(status).error();
  return summary;
}

}  // namespace

Result<CopySummary> download(Source& source, Sink& sink, const CopyOptions& options, const Context& context) {
  auto summary = run(source, sink, options, context);
  if (summary) return summary;
  sink.abort();
  if (sink.kept() == 0) return summary;
  Error error = std::move(summary).error();
  error.what += "; " + format_size(sink.kept()) + " are kept: the same command goes on from there";
  return error;
}

}  // namespace sjcp::transfer
