#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/segment_gate.h"
#include "core/transfer/tail_watch.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {
namespace {

// What one fetch writes to: the part of the sink that belongs to its segment.  Holds the source to its
// promise of ascending, gapless writes, because a gap would otherwise be committed as zeros.
// Calls `half_done` once, when half of the segment is written.
class SegmentOutput final : public Output {
 public:
  SegmentOutput(const Segment& segment, uint64_t base, Sink& sink, TailWatch& tail, const Context& context,
                std::function<void()> half_done)
      : next_(segment.bytes.begin),
        half_(segment.bytes.begin + (segment.bytes.size() + 1) / 2),
        end_(segment.bytes.end),
        base_(base),
        sink_(sink),
        tail_(tail),
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
    tail_.add(data.size());
    return {};
  }

  bool complete() const { return next_ == end_; }

 private:
  uint64_t next_;
  const uint64_t half_;
  const uint64_t end_;
  const uint64_t base_;
  Sink& sink_;
  TailWatch& tail_;
  const Context& context_;
  const std::function<void()> half_done_;
};

uint64_t bytes_of(const std::vector<Segment>& segments) {
  uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.bytes.size();
  return bytes;
}

class Download {
  // One more than is needed, so that a worker that comes back just before the one that waits is served does
  // not end only to be started again.
  static constexpr size_t kWaitingAtMost = 2;
  // Segments that a source is told about ahead.
  static constexpr size_t kAheadAtMost = 24;

 public:
  // `segments`: what is to be fetched, parts of the source's segments.
  Download(Source& source, Sink& sink, std::vector<Segment> segments, uint64_t base, const Context& context)
      : source_(source),
        sink_(sink),
        segments_(std::move(segments)),
        base_(base),
        group_(context.stop),
        context_(context.with_stop(group_.stop())),
        tail_(bytes_of(segments_), *context.clock),
        gate_(bytes_of(segments_) < kPassesByGate ? nullptr : context.gate),
        link_(group_.stop(), [this] { idle_.request_stop(); }) {}

  Status run(unsigned parallelism) {
    if (segments_.empty()) return {};
    most_workers_ = parallelism == 0 ? segments_.size() : std::min<size_t>(parallelism, segments_.size());
    // The window's first steps are doublings.
    expect_next(parallelism != 0 ? parallelism : gate_ != nullptr ? 2 * size_t{gate_->allowed()} : 1);
    waiting_ = workers_ = 1;
    Status started = group_.start(1, [this] { return work(); });
    if (!started) return started;
    // Workers may be blocked in the sink, behind a full pipe for instance: only abort() gets them out.
    if (!group_.wait()) sink_.abort();
    return group_.join();
  }

  // After run().
  std::chrono::nanoseconds last_percent() const { return tail_.elapsed(); }

 private:
  // What a segment in flight holds.
  struct Permit {
    SegmentGate::Slot slot;
    MemoryBudget::Lease lease;
  };

  // Begins as one of the waiting.
  Status work() {
    do {
      // Permits first, number second: whoever holds a number can run.  Otherwise the segment that an ordered
      // sink waits for could itself wait for the memory of those behind it.
      auto permit = wait_for_permit();
      if (!permit) return context_.stop.stop_requested() ? Status(std::move(permit).error()) : Status();
      const size_t number = next_.fetch_add(1);
      if (number + 1 >= segments_.size()) idle_.request_stop();
      if (number >= segments_.size()) return {};
      if (number + 1 < segments_.size()) keep_one_waiting();
      Status status = fetch(segments_[number]);
      if (!status) return status;
    } while (wait_again());
    return {};
  }

  Result<Permit> wait_for_permit() {
    Permit permit;
    ScopeGuard served([this] {
      const std::lock_guard lock(mutex_);
      --waiting_;
    });
    if (gate_ != nullptr) {
      auto slot = gate_->enter(idle_.get_token());
      if (!slot) return std::move(slot).error();
      permit.slot = *std::move(slot);
    }
    auto lease = context_.budget->acquire(source_.memory_per_segment(), idle_.get_token());
    if (!lease) return std::move(lease).error();
    permit.lease = *std::move(lease);
    return permit;
  }

  // Somebody must be there to take the next permit; more than that would be idle threads.
  void keep_one_waiting() {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_ > 0 || workers_ == most_workers_) return;
      ++waiting_;
      ++workers_;
    }
    // Where the system refuses a thread, those that there are do the work.
    if (group_.start(1, [this] { return work(); })) return;
    const std::lock_guard lock(mutex_);
    --waiting_;
    --workers_;
  }

  // True: this worker waits for another segment.
  bool wait_again() {
    const std::lock_guard lock(mutex_);
    const bool useful = next_.load() < segments_.size() && waiting_ < kWaitingAtMost;
    if (useful) {
      ++waiting_;
    } else {
      --workers_;
    }
    return useful;
  }

  Status fetch(const Segment& segment) {
    context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
    ScopeGuard leave([&] { context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
    // The window has grown.
    expect_next(places());
    // Those that follow when the running ones end.  Not earlier: what is asked for ahead may have to be paid
    // for even if the transfer ends here.
    SegmentOutput output(segment, base_, sink_, tail_, context_, [this] { expect_next(workers()); });
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

  size_t workers() {
    const std::lock_guard lock(mutex_);
    return workers_;
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
  std::mutex mutex_;  // guards the two below
  size_t waiting_ = 0;
  size_t workers_ = 0;
  size_t most_workers_ = 0;
  std::stop_source idle_;  // stop: nothing is left to wait for
  WorkerGroup group_;
  const Context context_;  // as given, but stopped by the group
  TailWatch tail_;
  SegmentGate* const gate_;
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
