#include "core/transfer/batch.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "core/transfer/error_rank.h"
#include "core/transfer/file_gate.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {
namespace {

class Batch {
 public:
  Batch(unsigned parallelism, const OnResult& on_result, const Context& context)
      : parallelism_(parallelism),
        on_result_(on_result),
        group_(context.stop),
        context_(context.with_stop(group_.stop())) {}

  Status submit(Job job) {
    {
      std::unique_lock lock(mutex_);
      // As many may wait as run: enough for workers never to wait for the producer's next page.
      room_.wait(lock, context_.stop, [this] { return queue_.size() < parallelism_; });
      if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
      queue_.push_back(std::move(job));
      filled_.notify_one();
    }
    return hire();
  }

  BatchTotals finish(Status produced) {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      filled_.notify_all();
    }
    Status joined = group_.join();
    std::lock_guard lock(reporting_);
    if (!joined) {
      totals_.ended_early = std::move(joined).error();
    } else if (!produced) {
      totals_.ended_early = std::move(produced).error();
    }
    totals_.worst_error = worst_.get();
    return totals_;
  }

 private:
  unsigned allowed() const {
    return context_.files == nullptr ? parallelism_ : std::min(parallelism_, context_.files->allowed());
  }

  // Starts workers for the jobs that wait, as far as they are allowed.
  Status hire() {
    unsigned more = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto wanted = static_cast<unsigned>(queue_.size() - std::min<size_t>(queue_.size(), idle_));
      more = std::min(wanted, allowed() - std::min(allowed(), workers_));
      workers_ += more;
    }
    return more == 0 ? Status() : group_.start(more, [this] { return work(); });
  }

  Status work() {
    for (;;) {
      std::optional<Job> job = take();
      if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
      if (!job) return {};
      Status status = run(*job);
      // Nothing inside a batch cancels but a person: the rest is cancelled, too.
      if (!status && status.error().code == Errc::kCancelled) return status;
      if (context_.files == nullptr) continue;
      context_.files->ended(waiting());
      if (surplus()) return {};
      if (status = hire(); !status) return status;
    }
  }

  bool waiting() const {
    const std::lock_guard lock(mutex_);
    return !queue_.empty();
  }

  // This worker is one too many, and is gone.
  bool surplus() {
    const std::lock_guard lock(mutex_);
    if (workers_ <= allowed()) return false;
    --workers_;
    return true;
  }

  // Of a job of several files: that it was cancelled, if so.
  Status run(const Job& job) {
    Status verdict;
    if (!job.run_files) {
      verdict = job.run(context_);
      report(job.name, verdict);
      return verdict;
    }
    job.run_files(context_, [&](const std::string& name, const Status& status) {
      report(name, status);
      if (!status && status.error().code == Errc::kCancelled) verdict = status;
    });
    return verdict;
  }

  // Nothing: no job is left, or stop was requested.
  std::optional<Job> take() {
    std::unique_lock lock(mutex_);
    ++idle_;
    filled_.wait(lock, context_.stop, [this] { return !queue_.empty() || closed_; });
    --idle_;
    if (queue_.empty()) return std::nullopt;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    // Not for each: the producer would wake, add one and wait again.
    if (queue_.size() <= parallelism_ / 2) room_.notify_one();
    return job;
  }

  void report(const std::string& name, const Status& status) {
    std::lock_guard lock(reporting_);
    if (status) {
      ++totals_.done;
      context_.counters->files_done.fetch_add(1, std::memory_order_relaxed);
    } else if (status.error().code != Errc::kCancelled) {
      ++totals_.failed;
      context_.counters->files_failed.fetch_add(1, std::memory_order_relaxed);
      worst_.add(status.error());
    }
    if (on_result_) on_result_(name, status);
  }

  const unsigned parallelism_;
  const OnResult& on_result_;
  mutable std::mutex mutex_;  // guards the queue, the numbers and closed_
  std::condition_variable_any filled_;
  std::condition_variable_any room_;
  std::deque<Job> queue_;
  unsigned idle_ = 0;
  unsigned workers_ = 0;
  bool closed_ = false;
  std::mutex reporting_;
  BatchTotals totals_;
  WorstError worst_;
  WorkerGroup group_;
  const Context context_;  // as given, but stopped by the group
};

}  // namespace

BatchTotals run_batch(unsigned parallelism, const Producer& producer, const OnResult& on_result,
                      const Context& context) {
  Batch batch(parallelism, on_result, context);
  return batch.finish(producer([&](Job job) { return batch.submit(std::move(job)); }));
}

}  // namespace sjcp::transfer
