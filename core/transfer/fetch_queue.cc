#include "core/transfer/fetch_queue.h"

#include <string>
#include <utility>

namespace sjcp::transfer {
namespace {

// Tells the tail watch, and calls `half_done` once, when half of the range is written.
class WatchedOutput : public OrderedOutput {
 public:
  WatchedOutput(const ByteRange& range, const Destination& to, const std::function<void()>& half_done)
      : OrderedOutput(range, to.base, to.sink, to.context),
        half_(range.begin + (range.size() + 1) / 2),
        tail_(to.tail),
        growing_total_(range.end == kUnknownSize ? &to.context.counters->bytes_total : nullptr),
        half_done_(half_done) {}

 private:
  void written(const ByteRange& bytes) override {
    if (half_done_ && bytes.begin < half_ && bytes.end >= half_) half_done_();
    tail_.add(bytes.size());
    if (growing_total_ != nullptr) growing_total_->fetch_add(bytes.size(), std::memory_order_relaxed);
  }

  const uint64_t half_;
  TailWatch& tail_;
  std::atomic<uint64_t>* const growing_total_;
  const std::function<void()>& half_done_;
};

Error ended_early(const Segment& segment) {
  return make_error(Errc::kInternal, "segment " + std::to_string(segment.index) + " ended early");
}

std::vector<ByteRange> ranges_of(const std::vector<Segment>& segments) {
  std::vector<ByteRange> ranges;
  for (const Segment& segment : segments) ranges.push_back(segment.bytes);
  return ranges;
}

}  // namespace

class SegmentQueue::SegmentFetch final : public Fetch {
 public:
  SegmentFetch(const Segment& segment, const Destination& to, const std::function<void()>& half_done)
      : segment_(segment), output_(segment.bytes, to, half_done) {}

  const Segment& segment() const override { return segment_; }
  Output& output() override { return output_; }
  Status finish(Status status) override {
    const bool whole = output_.complete() || segment_.bytes.end == kUnknownSize;
    if (status && !whole) return ended_early(segment_);
    return status;
  }

 private:
  const Segment segment_;
  WatchedOutput output_;
};

SegmentQueue::SegmentQueue(std::vector<Segment> segments, const Destination& destination,
                           std::function<void()> half_done)
    : segments_(std::move(segments)), destination_(destination), half_done_(std::move(half_done)) {}

bool SegmentQueue::await(const std::stop_token& stop) {
  return !stop.stop_requested() && !exhausted();
}

std::unique_ptr<Fetch> SegmentQueue::begin(size_t coming) {
  static_cast<void>(coming);
  const size_t number = next_.fetch_add(1);
  if (number >= segments_.size()) return nullptr;
  return std::make_unique<SegmentFetch>(segments_[number], destination_, half_done_);
}

std::span<const Segment> SegmentQueue::following(size_t count) const {
  const size_t begin = begun();
  return std::span(segments_).subspan(begin, std::min(count, segments_.size() - begin));
}

// Cuts what comes where the plan says that the part ends now.
class RangeQueue::RangeFetch final : public Fetch, private Output {
 public:
  RangeFetch(RangeQueue& queue, const RangePlan::Part& part)
      : queue_(queue),
        id_(part.id),
        segment_{0, part.bytes},
        output_(part.bytes, queue.destination_, none_),
        written_(part.bytes.begin) {}
  ~RangeFetch() override { leave(); }

  const Segment& segment() const override { return segment_; }
  Output& output() override { return *this; }

  Status finish(Status status) override {
    const uint64_t now_ends = leave();
    // Whatever became of it afterwards: what was wanted is there.
    if (written_ >= now_ends) return {};
    const bool cut = now_ends < segment_.bytes.end;
    if (status && !cut) return ended_early(segment_);
    return status;
  }

 private:
  Status write(uint64_t offset, ByteView data) override {
    const auto wanted = claim(offset, data);
    if (wanted.empty() && !data.empty()) return {};
    Status status = output_.write(offset, wanted);
    if (status) written_ = offset + wanted.size();
    const std::lock_guard lock(queue_.mutex_);
    queue_.plan_.go_on(id_, queue_.now());
    return status;
  }

  void arrived(uint64_t offset) override {
    const std::lock_guard lock(queue_.mutex_);
    queue_.plan_.arrived(id_, offset, queue_.now());
  }

  uint64_t end() const override {
    const std::lock_guard lock(queue_.mutex_);
    return queue_.plan_.end(id_);
  }

  // The bytes that are still wanted; nobody else gets them from now on.
  ByteView claim(uint64_t offset, ByteView data) {
    const std::lock_guard lock(queue_.mutex_);
    const uint64_t end = queue_.plan_.end(id_);
    // Bytes beyond what was asked for are a mistake, which the output reports.
    if (offset + data.size() > segment_.bytes.end) return data;
    if (offset >= end) return {};
    data = data.sub(0, static_cast<size_t>(std::min<uint64_t>(data.size(), end - offset)));
    queue_.plan_.arrived(id_, offset + data.size(), queue_.now());
    queue_.plan_.hold(id_, queue_.now());
    return data;
  }

  // Once.  Where the part ended at last.
  uint64_t leave() {
    if (left_) return 0;
    left_ = true;
    const std::lock_guard lock(queue_.mutex_);
    const uint64_t end = queue_.plan_.end(id_);
    queue_.plan_.ended(id_, written_, queue_.now());
    queue_.changed_.notify_all();
    return end;
  }

  static inline const std::function<void()> none_;
  RangeQueue& queue_;
  const RangePlan::Id id_;
  const Segment segment_;
  WatchedOutput output_;
  uint64_t written_;
  bool left_ = false;
};

RangeQueue::RangeQueue(const Source& source, const std::vector<Segment>& missing,
                       const RangePlan::Options& options, const Destination& destination)
    : source_(source), destination_(destination), plan_(ranges_of(missing), options) {}

bool RangeQueue::await(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait(lock, stop, [this] { return plan_.done() || plan_.worth(now()); }) && !plan_.done();
}

std::unique_ptr<Fetch> RangeQueue::begin(size_t coming) {
  const std::lock_guard lock(mutex_);
  if (source_.one_at_a_time()) plan_.keep_parts();
  const auto part = plan_.take(now(), coming);
  if (!part) return nullptr;
  ++begun_;
  return std::make_unique<RangeFetch>(*this, *part);
}

bool RangeQueue::exhausted() const {
  const std::lock_guard lock(mutex_);
  return plan_.done();
}

// With time alone a fetch may fall behind so far that it is worth a split.
void RangeQueue::look() {
  const std::lock_guard lock(mutex_);
  if (source_.one_at_a_time()) plan_.keep_parts();
  if (plan_.look(now())) changed_.notify_all();
}

size_t RangeQueue::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

}  // namespace sjcp::transfer
