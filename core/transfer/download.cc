#include <algorithm>
#include <atomic>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/crew.h"
#include "core/transfer/ordered_output.h"
#include "core/transfer/segment_gate.h"
#include "core/transfer/tail_watch.h"

namespace sjcp::transfer {
namespace {

// Calls `half_done` once, when half of the segment is written.
class SegmentOutput final : public OrderedOutput {
 public:
  SegmentOutput(const Segment& segment, uint64_t base, Sink& sink, TailWatch& tail, const Context& context,
                std::function<void()> half_done)
      : OrderedOutput(segment.bytes, base, sink, context),
        half_(segment.bytes.begin + (segment.bytes.size() + 1) / 2),
        tail_(tail),
        half_done_(std::move(half_done)) {}

 private:
  void written(const ByteRange& bytes) override {
    if (bytes.begin < half_ && bytes.end >= half_) half_done_();
    tail_.add(bytes.size());
  }

  const uint64_t half_;
  TailWatch& tail_;
  const std::function<void()> half_done_;
};

uint64_t bytes_of(const std::vector<Segment>& segments) {
  uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.bytes.size();
  return bytes;
}

class Download {
  // Segments that a source is told about ahead.
  static constexpr size_t kAheadAtMost = 24;

 public:
  // `segments`: what is to be fetched, parts of the source's segments.
  Download(Source& source, Sink& sink, std::vector<Segment> segments, uint64_t base, const Context& context)
      : source_(source),
        sink_(sink),
        segments_(std::move(segments)),
        base_(base),
        crew_(context.stop),
        context_(context.with_stop(crew_.stop())),
        tail_(bytes_of(segments_), *context.clock),
        gate_(bytes_of(segments_) < kPassesByGate ? nullptr : context.gate) {}

  Status run(unsigned parallelism) {
    if (segments_.empty()) return {};
    const size_t most = parallelism == 0 ? segments_.size() : std::min<size_t>(parallelism, segments_.size());
    // The window's first steps are doublings.
    expect_next(parallelism != 0 ? parallelism : gate_ != nullptr ? 2 * size_t{gate_->allowed()} : 1);
    Status started = crew_.start(most, [this](Crew::Turn& turn) { return work(turn); });
    if (!started) return started;
    // Workers may be blocked in the sink, behind a full pipe for instance: only abort() gets them out.
    if (!crew_.wait()) sink_.abort();
    return crew_.join();
  }

  // After run().
  std::chrono::nanoseconds last_percent() const { return tail_.elapsed(); }

 private:
  // What a segment in flight holds.
  struct Permit {
    SegmentGate::Slot slot;
    MemoryBudget::Lease lease;
  };

  Status work(Crew::Turn& turn) {
    // Permits first, number second: whoever holds a number can run.  Otherwise the segment that an ordered
    // sink waits for could itself wait for the memory of those behind it.
    auto permit = wait_for_permit();
    if (!permit) return context_.stop.stop_requested() ? Status(std::move(permit).error()) : Status();
    const size_t number = next_.fetch_add(1);
    if (number + 1 >= segments_.size()) crew_.nothing_left();
    if (number >= segments_.size()) return {};
    turn.taken();
    return fetch(segments_[number]);
  }

  Result<Permit> wait_for_permit() {
    Permit permit;
    if (gate_ != nullptr) {
      auto slot = gate_->enter(crew_.idle());
      if (!slot) return std::move(slot).error();
      permit.slot = *std::move(slot);
    }
    auto lease = context_.budget->acquire(source_.memory_per_segment(), crew_.idle());
    if (!lease) return std::move(lease).error();
    permit.lease = *std::move(lease);
    return permit;
  }

  Status fetch(const Segment& segment) {
    context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
    ScopeGuard leave([&] { context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
    // The window has grown.
    expect_next(places());
    // Those that follow when the running ones end.  Not earlier: what is asked for ahead may have to be paid
    // for even if the transfer ends here.
    SegmentOutput output(segment, base_, sink_, tail_, context_, [this] { expect_next(crew_.workers()); });
    Status status = source_.fetch(segment, output, context_);
    if (status && !output.complete()) {
      return make_error(Errc::kInternal, "segment " + std::to_string(segment.index) + " ended early");
    }
    return status;
  }

  // The next `count` segments are about to begin.
  void expect_next(size_t count) {
    const std::span segments(segments_);
    const size_t begin = std::min(next_.load(), segments.size());
    count = std::min({count, segments.size() - begin, kAheadAtMost});
    if (count != 0) source_.expect(segments.subspan(begin, count));
  }

  // What the gate would let in right now.
  size_t places() const {
    if (gate_ == nullptr) return 0;
    const unsigned allowed = gate_->allowed();
    return allowed - std::min(allowed, gate_->in_flight());
  }

  Source& source_;
  Sink& sink_;
  const std::vector<Segment> segments_;
  const uint64_t base_;
  std::atomic<size_t> next_{0};
  Crew crew_;
  const Context context_;  // as given, but stopped by the crew
  TailWatch tail_;
  SegmentGate* const gate_;
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
  const Clock::Steady begin = context.clock->steady_now();
  auto info = source.open(options.range, context);
  if (!info) return std::move(info).error();
  if (context.gate != nullptr) context.gate->opened(context.clock->steady_now() - begin);
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
  {
    Download job(source, sink, missing_parts(source.segments(), *there, base), base, context);
    status = job.run(options.parallelism);
    summary.last_percent = job.last_percent();
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
