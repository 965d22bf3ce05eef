// What a download still has to fetch, as its workers take it: segments one after another, or parts of a range
// that is divided as it goes.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/context.h"
#include "core/transfer/ordered_output.h"
#include "core/transfer/range_plan.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"
#include "core/transfer/tail_watch.h"

namespace sjcp::transfer {

// Where the bytes of all fetches go.  What it refers to must outlive it.
struct Destination {
  Sink& sink;
  uint64_t base = 0;  // where the sink's offset 0 is in the object
  TailWatch& tail;
  const Context& context;
};

// One fetch, from its begin to its end.
class Fetch {
 public:
  virtual ~Fetch() = default;
  virtual const Segment& segment() const = 0;
  virtual Output& output() = 0;
  // The source returned this; what that means for the transfer.
  virtual Status finish(Status status) = 0;
};

class FetchQueue {
 public:
  virtual ~FetchQueue() = default;
  // Waits until a further fetch may be worth beginning.  False: never again, or stop was requested.
  virtual bool await(const std::stop_token& stop) = 0;
  // What the caller fetches now; null: nothing is worth it any more.  coming: workers that are about to ask,
  // too.
  virtual std::unique_ptr<Fetch> begin(size_t coming) = 0;
  // Nothing will be worth beginning any more, whatever happens.
  virtual bool exhausted() const = 0;
  // To be called some ten times a second.
  virtual void look() {}
  // Fetches begun so far.
  virtual size_t begun() const = 0;
};

// Segments in order.
class SegmentQueue final : public FetchQueue {
 public:
  // half_done: called by each fetch when half of it is written.
  SegmentQueue(std::vector<Segment> segments, const Destination& destination,
               std::function<void()> half_done);

  bool await(const std::stop_token& stop) override;
  std::unique_ptr<Fetch> begin(size_t coming) override;
  bool exhausted() const override { return next_ >= segments_.size(); }
  size_t begun() const override { return std::min(next_.load(), segments_.size()); }
  // The next segments, at most so many.
  std::span<const Segment> following(size_t count) const;

 private:
  class SegmentFetch;
  const std::vector<Segment> segments_;
  const Destination destination_;
  const std::function<void()> half_done_;
  std::atomic<size_t> next_{0};
};

// A range with what is missing of it, divided by a RangePlan.
class RangeQueue final : public FetchQueue {
 public:
  // source: outlives it.
  RangeQueue(const Source& source, const std::vector<Segment>& missing, const RangePlan::Options& options,
             const Destination& destination);

  bool await(const std::stop_token& stop) override;
  std::unique_ptr<Fetch> begin(size_t coming) override;
  bool exhausted() const override;
  void look() override;
  size_t begun() const override;

 private:
  class RangeFetch;
  Clock::Steady now() const { return destination_.context.clock->steady_now(); }

  const Source& source_;
  const Destination destination_;
  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  RangePlan plan_;
  size_t begun_ = 0;
};

}  // namespace sjcp::transfer
