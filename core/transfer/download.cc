#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/crew.h"
#include "core/transfer/digest_sink.h"
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
  // plan: for divisible sources.
  Download(Source& source, Sink& sink, std::vector<Segment> missing, const ObjectInfo& info,
           const RangePlan::Options& plan, const Context& context)
      : source_(source),
        sink_(sink),
        bytes_(bytes_of(missing)),
        crew_(context.stop),
        context_(context.with_stop(crew_.stop())),
        tail_(bytes_, *context.clock),
        gate_(bytes_ < kPassesByGate ? nullptr : context.gate),
        queue_(make_queue(std::move(missing), info, plan)) {}

  Status run(unsigned parallelism) {
    if (bytes_ == 0) return {};
    const size_t useful =
        segments_ != nullptr ? segments_->following(SIZE_MAX).size() : bytes_ / RangePlan::kMinSplit + 1;
    most_ = parallelism == 0 ? useful : std::min<size_t>(parallelism, useful);
    fixed_ = parallelism != 0;
    // The window's first steps are doublings.
    expect_next(parallelism != 0 ? parallelism : gate_ != nullptr ? 2 * size_t{gate_->allowed()} : 1);
    const auto body = [this](Crew::Turn& turn) { return work(turn); };
    // A thread would cost as much as the rest of a small file.  Of one whose reader is slow only abort()
    // frees it.
    if (most_ == 1 && bytes_ < kPassesByGate && !sink_.ordered()) return crew_.alone(body);
    Status started = crew_.start(most_, body);
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

  std::unique_ptr<FetchQueue> make_queue(std::vector<Segment> missing, const ObjectInfo& info,
                                         const RangePlan::Options& plan) {
    const Destination destination{sink_, info.range.begin, tail_, context_};
    if (source_.divisible() && info.sized()) {
      return std::make_unique<RangeQueue>(source_, missing, plan, destination);
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

bool whole(const ObjectInfo& info) {
  return !info.sized() || info.range == ByteRange{0, info.size};
}

// What is to be computed of the object: nothing of a part of it.
std::set<DigestKind> wanted_digests(const ObjectInfo& info, const CopyOptions& options) {
  std::set<DigestKind> kinds;
  if (!whole(info)) return kinds;
  for (const Digest& digest : info.digests) kinds.insert(digest.kind);
  for (const Digest& digest : options.expect) kinds.insert(digest.kind);
  if (options.compute) kinds.insert(*options.compute);
  return kinds;
}

Status compare(const std::vector<Digest>& expected, const std::vector<Digest>& found,
               const std::string& name) {
  for (const Digest& digest : expected) {
    const auto same_kind = std::ranges::find(found, digest.kind, &Digest::kind);
    if (same_kind == found.end() || *same_kind == digest) continue;
    return make_error(Errc::kIntegrity, name + ": its " + to_string(digest.kind) + " is " + same_kind->hex +
                                            ", not " + digest.hex + " as expected");
  }
  return {};
}

// Puts bytes in the place of others, and notes which of them differ.
class RewritingOutput final : public Output {
  static constexpr uint64_t kCompared = 4 * kKiB;

 public:
  RewritingOutput(Sink& sink, uint64_t base) : sink_(sink), base_(base) {}

  Status write(uint64_t offset, ByteView data) override {
    Bytes before(data.size());
    if (Status read = sink_.read(offset - base_, before); !read) return read;
    for (size_t at = 0; at < data.size(); at += kCompared) {
      const size_t count = std::min<size_t>(kCompared, data.size() - at);
      if (ByteView(before).sub(at, count).text() == data.sub(at, count).text()) continue;
      changed_.add({offset + at, offset + at + count});
    }
    return sink_.rewrite(offset - base_, data);
  }
  const RangeSet& changed() const { return changed_; }

 private:
  Sink& sink_;
  const uint64_t base_;
  RangeSet changed_;
};

// One download, from the source's open() to the sink's commit.
class Transfer {
 public:
  Transfer(Source& source, Sink& sink, const CopyOptions& options, const Context& context)
      : source_(source), sink_(sink), options_(options), context_(context) {}

  Result<CopySummary> run() {
    Status status = open();
    if (!status) return std::move(status).error();
    if (options_.skip && options_.skip(info_)) {
      summary_.skipped = true;
      return summary_;
    }
    status = prepare();
    if (status) status = fetch();
    if (status && context_.stop.stop_requested()) status = make_error(Errc::kCancelled, "interrupted");
    if (status) status = verify();
    if (status) status = sink().commit();
    if (!status) return std::move(status).error();
    return summary_;
  }

 private:
  Sink& sink() { return digesting_ ? *digesting_ : sink_; }

  Status open() {
    const Clock::Steady begin = context_.clock->steady_now();
    auto info = source_.open(options_.range, context_);
    if (!info) return std::move(info).error();
    info_ = *std::move(info);
    // A small object may have been opened without a question to anybody, which says nothing of the path.
    if (context_.gate != nullptr && info_.range.size() >= kPassesByGate) {
      context_.gate->opened(context_.clock->steady_now() - begin, source_.divisible());
    }
    summary_.bytes = info_.sized() ? info_.range.size() : 0;
    summary_.segments = source_.segments().size();
    return {};
  }

  // Begins the sink, with what it has from an earlier run.
  Status prepare() {
    Counters& counters = *context_.counters;
    counters.bytes_total.fetch_add(summary_.bytes, std::memory_order_relaxed);
    Status status = check_segments(source_.segments(), info_.range);
    if (!status) return with_context(std::move(status).error(), info_.name);
    const auto kinds = wanted_digests(info_, options_);
    if (kinds.contains(DigestKind::kGitBlob) && !info_.sized()) {
      return make_error(Errc::kUnsupported,
                        info_.name + ": a git-blob digest needs the size, which the server does not tell");
    }
    const PieceDigests* pieces = options_.pieces && whole(info_) ? &*options_.pieces : nullptr;
    if (pieces != nullptr && (!info_.sized() || !pieces->fit(info_.size))) {
      return make_error(Errc::kIntegrity,
                        info_.name + ": has another size than the digests of its pieces say");
    }
    if (!kinds.empty() || pieces != nullptr) digesting_.emplace(sink_, kinds, info_.size, pieces);
    if (info_.created.time_since_epoch().count() != 0) sink().modified(info_.created);
    if (!info_.sized()) return sink().begin(kUnknownSize);
    auto there = sink().resume({info_.name, info_.version, info_.size, info_.range});
    if (!there) return std::move(there).error();
    there_ = *std::move(there);
    summary_.resumed = there_.bytes();
    counters.bytes_resumed.fetch_add(summary_.resumed, std::memory_order_relaxed);
    return {};
  }

  Status fetch() {
    RangePlan::Options plan;
    if (sink_.ordered()) {
      plan.order = RangePlan::Order::kStrict;
    } else if (digesting_) {
      plan.order = RangePlan::Order::kFront;
    }
    Download job(source_, sink(), missing_parts(source_.segments(), there_, info_.range.begin), info_, plan,
                 context_);
    Status status = job.run(options_.parallelism);
    if (source_.divisible()) summary_.segments = job.fetches();
    if (info_.sized()) {
      summary_.last_percent = job.last_percent();
    } else {
      summary_.bytes = job.bytes();
    }
    return status;
  }

  Status verify() {
    if (!digesting_) return {};
    auto found = digesting_->finish(context_.stop);
    if (!found) return std::move(found).error();
    Status right = verify_pieces(*found);
    if (right) right = judge(*found);
    if (!right && !sink_.ordered() && digesting_->wrong_pieces().empty())
      right = repair(*found, std::move(right));
    if (!right && right.error().code == Errc::kIntegrity) return rejected(std::move(right).error());
    if (!right) return right;
    if (!found->empty()) summary_.digest = found->front();
    for (const Digest& digest : *found) {
      if (digest.kind == options_.compute) summary_.digest = digest;
    }
    return {};
  }

  // Those that are wrong are fetched again.
  Status verify_pieces(std::vector<Digest>& found) {
    const std::vector<size_t> wrong = digesting_->wrong_pieces();
    for (const size_t index : wrong) {
      if (Status right = replace_piece(index); !right) return right;
    }
    if (wrong.empty()) return {};
    auto digests = digesting_->again(context_.stop);
    if (!digests) return std::move(digests).error();
    found = *std::move(digests);
    return digesting_->wrong_pieces().empty() ? Status() : wrong_piece(digesting_->wrong_pieces().front());
  }

  Error wrong_piece(size_t index) const {
    const ByteRange range = options_.pieces->range(index, info_.size);
    return make_error(Errc::kIntegrity, info_.name + ": bytes " + std::to_string(range.begin) + " to " +
                                            std::to_string(range.end - 1) + " are not what their " +
                                            to_string(options_.pieces->kind) + " says");
  }

  Status replace_piece(size_t index) {
    const ByteRange range = options_.pieces->range(index, info_.size);
    for (bool right = false; !right;) {
      if (sink_.ordered()) return wrong_piece(index);
      RewritingOutput output(sink_, info_.range.begin);
      auto again = source_.refetch(range, output, context_);
      if (!again) return std::move(again).error();
      if (!*again) return wrong_piece(index);
      auto same = piece_is_right(index, range);
      if (!same) return std::move(same).error();
      right = *same;
      if (right) source_.refetched(range, output.changed());
    }
    return {};
  }

  Result<bool> piece_is_right(size_t index, const ByteRange& range) {
    const auto hasher = Hasher::create(options_.pieces->kind, range.size());
    Bytes chunk(static_cast<size_t>(std::min<uint64_t>(range.size(), kMiB)));
    for (uint64_t at = range.begin; at < range.end;) {
      const ByteSpan out(chunk.data(), static_cast<size_t>(std::min<uint64_t>(range.end - at, chunk.size())));
      if (Status read = sink_.read(at - info_.range.begin, out); !read) return std::move(read).error();
      hasher->update(out);
      at += out.size();
    }
    return hasher->finish().hex == options_.pieces->hex[index];
  }

  Status judge(const std::vector<Digest>& found) const {
    Status status = compare(options_.expect, found, info_.name);
    return status ? compare(info_.digests, found, info_.name) : status;
  }

  // A source with several origins gets the chance to find the one at fault.
  Status repair(std::vector<Digest>& found, Status wrong) {
    RewritingOutput output(sink_, info_.range.begin);
    while (!wrong) {
      auto again = source_.repair(output, context_);
      if (!again) return std::move(again).error();
      if (!*again) return wrong;
      auto digests = digesting_->again(context_.stop);
      if (!digests) return std::move(digests).error();
      found = *std::move(digests);
      wrong = judge(found);
    }
    source_.repaired();
    return {};
  }

  Error rejected(Error error) {
    const std::string aside = digesting_->reject();
    if (!aside.empty()) error.what += "; the bytes are kept as " + aside;
    return error;
  }

  Source& source_;
  Sink& sink_;
  const CopyOptions& options_;
  const Context& context_;
  ObjectInfo info_;
  CopySummary summary_;
  RangeSet there_;
  std::optional<DigestSink> digesting_;
};

}  // namespace

Result<CopySummary> download(Source& source, Sink& sink, const CopyOptions& options, const Context& context) {
  auto summary = Transfer(source, sink, options, context).run();
  if (summary) return summary;
  sink.abort();
  if (sink.kept() == 0) return summary;
  Error error = std::move(summary).error();
  error.what += "; " + format_size(sink.kept()) + " are kept: the same command goes on from there";
  return error;
}

}  // namespace sjcp::transfer
