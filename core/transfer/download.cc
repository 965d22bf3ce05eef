#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/crew.h"
#include "core/transfer/fetch_queue.h"
#include "core/transfer/segment_gate.h"
#include "core/transfer/tail_watch.h"

namespace sjcp::transfer {
namespace {

uint64_t bytes_of(const std::vector<Segment>& segments) {
  uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.bytes.size();
  return bytes;
}

class Download {
  // Segments that a source is told about ahead.
  static constexpr size_t kAheadAtMost = 24;
  static constexpr std::chrono::milliseconds kLookInterval{50};

 public:
  // `missing`: what is to be fetched, parts of the source's segments.
  Download(Source& source, Sink& sink, std::vector<Segment> missing, const ObjectInfo& info,
           const Context& context)
      : source_(source),
        sink_(sink),
        bytes_(bytes_of(missing)),
        crew_(context.stop),
        context_(context.with_stop(crew_.stop())),
        tail_(bytes_, *context.clock),
        gate_(bytes_ < kPassesByGate ? nullptr : context.gate),
        queue_(make_queue(std::move(missing), info)) {}

  Status run(unsigned parallelism) {
    if (bytes_ == 0) return {};
    const size_t useful =
        segments_ != nullptr ? segments_->following(SIZE_MAX).size() : bytes_ / RangePlan::kMinSplit + 1;
    most_ = parallelism == 0 ? useful : std::min<size_t>(parallelism, useful);
    fixed_ = parallelism != 0;
    // The window's first steps are doublings.
    expect_next(parallelism != 0 ? parallelism : gate_ != nullptr ? 2 * size_t{gate_->allowed()} : 1);
    Status started = crew_.start(most_, [this](Crew::Turn& turn) { return work(turn); });
    if (!started) return started;
    // Workers may be blocked in the sink, behind a full pipe for instance: only abort() gets them out.
    if (!crew_.wait(kLookInterval, [this] { queue_->look(); })) sink_.abort();
    return crew_.join();
  }

  // After run().
  std::chrono::nanoseconds last_percent() const { return tail_.elapsed(); }
  uint64_t bytes() const { return tail_.done(); }
  size_t fetches() const { return queue_->begun(); }

 private:
  // What a fetch in flight holds.
  struct Permit {
    SegmentGate::Slot slot;
    MemoryBudget::Lease lease;
  };

  std::unique_ptr<FetchQueue> make_queue(std::vector<Segment> missing, const ObjectInfo& info) {
    const Destination destination{sink_, info.range.begin, tail_, context_};
    if (source_.divisible() && info.sized()) {
      RangePlan::Options options;
      if (sink_.ordered()) options.order = RangePlan::Order::kStrict;
      return std::make_unique<RangeQueue>(missing, options, destination);
    }
    // Those that follow when the running ones end.  Not earlier: what is asked for ahead may have to be paid
    // for even if the transfer ends here.
    auto queue = std::make_unique<SegmentQueue>(std::move(missing), destination,
                                                [this] { expect_next(crew_.workers()); });
    segments_ = queue.get();
    return queue;
  }

  Status work(Crew::Turn& turn) {
    if (!queue_->await(crew_.idle())) {
      crew_.nothing_left();
      return context_.stop.stop_requested() ? make_error(Errc::kCancelled, "stopped") : Status();
    }
    // Permits first, number second: whoever holds a number can run.  Otherwise the segment that an ordered
    // sink waits for could itself wait for the memory of those behind it.
    auto permit = wait_for_permit();
    if (!permit) return context_.stop.stop_requested() ? Status(std::move(permit).error()) : Status();
    ++in_flight_;
    ScopeGuard leave([this] { --in_flight_; });
    const auto fetch = queue_->begin(coming());
    if (queue_->exhausted()) crew_.nothing_left();
    if (fetch == nullptr) return {};
    turn.taken();
    Status status = run(*fetch);
    if (queue_->exhausted()) crew_.nothing_left();
    return status;
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

  Status run(Fetch& fetch) {
    context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
    ScopeGuard leave([&] { context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
    // The window has grown.
    expect_next(places());
    return fetch.finish(source_.fetch(fetch.segment(), fetch.output(), context_));
  }

  // The next `count` segments are about to begin.
  void expect_next(size_t count) {
    if (segments_ == nullptr) return;
    const auto next = segments_->following(std::min(count, kAheadAtMost));
    if (!next.empty()) source_.expect(next);
  }

  // What the gate would let in right now.
  size_t places() const {
    if (gate_ == nullptr) return 0;
    const unsigned allowed = gate_->allowed();
    return allowed - std::min(allowed, gate_->in_flight());
  }

  // Workers that will begin within moments, beside those in flight.
  size_t coming() const {
    size_t count = most_ - std::min<size_t>(most_, in_flight_);
    if (gate_ != nullptr || !fixed_) count = std::min(count, places());
    const uint64_t memory = source_.memory_per_segment();
    if (memory == 0) return count;
    const uint64_t free =
        context_.budget->limit() - std::min(context_.budget->limit(), context_.budget->held());
    return static_cast<size_t>(std::min<uint64_t>(count, free / memory));
  }

  Source& source_;
  Sink& sink_;
  const uint64_t bytes_;
  Crew crew_;
  const Context context_;  // as given, but stopped by the crew
  TailWatch tail_;
  SegmentGate* const gate_;
  size_t most_ = 1;
  bool fixed_ = true;  // the number of fetches is not left to the gate
  std::atomic<size_t> in_flight_{0};
  SegmentQueue* segments_ = nullptr;  // the queue, if it is one
  const std::unique_ptr<FetchQueue> queue_;
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

// Begins the sink, with what it has from an earlier run.
Result<RangeSet> prepare(Sink& sink, const ObjectInfo& info) {
  if (info.sized()) return sink.resume({info.name, info.version, info.size, info.range});
  if (Status begun = sink.begin(kUnknownSize); !begun) return std::move(begun).error();
  return RangeSet();
}

Result<CopySummary> run(Source& source, Sink& sink, const CopyOptions& options, const Context& context) {
  const Clock::Steady begin = context.clock->steady_now();
  auto info = source.open(options.range, context);
  if (!info) return std::move(info).error();
  if (context.gate != nullptr) context.gate->opened(context.clock->steady_now() - begin);
  CopySummary summary{info->sized() ? info->range.size() : 0, source.segments().size()};
  if (options.skip && options.skip(*info)) {
    summary.skipped = true;
    return summary;
  }
  Counters& counters = *context.counters;
  if (info->sized()) counters.bytes_total.fetch_add(summary.bytes, std::memory_order_relaxed);
  Status status = check_segments(source.segments(), info->range);
  if (!status) return with_context(std::move(status).error(), info->name);

  const uint64_t base = info->range.begin;
  auto there = prepare(sink, *info);
  if (!there) return std::move(there).error();
  summary.resumed = there->bytes();
  counters.bytes_resumed.fetch_add(summary.resumed, std::memory_order_relaxed);
  {
    Download job(source, sink, missing_parts(source.segments(), *there, base), *info, context);
    status = job.run(options.parallelism);
    if (source.divisible()) summary.segments = job.fetches();
    if (info->sized()) {
      summary.last_percent = job.last_percent();
    } else {
      summary.bytes = job.bytes();
    }
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
