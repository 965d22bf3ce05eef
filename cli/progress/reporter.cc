#include "cli/progress/reporter.h"

#include <algorithm>

#include "cli/exit_codes.h"

namespace sjcp::cli {

Reporter::Reporter(std::vector<std::unique_ptr<View>> views, const transfer::Counters& counters,
                   const Clock& clock)
    : views_(std::move(views)), counters_(counters), clock_(clock), started_(clock.steady_now()) {}

Reporter::~Reporter() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  if (sampler_.joinable()) sampler_.join();
}

void Reporter::start(const StartEvent& event, std::chrono::milliseconds interval) {
  std::lock_guard lock(mutex_);
  rate_.add(started_, 0);
  tell([&](View& view) { view.start(event); });
  if (interval.count() > 0 && !views_.empty()) sampler_ = std::thread([this, interval] { run(interval); });
}

void Reporter::run(std::chrono::milliseconds interval) {
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, interval, [this] { return stop_; })) {
    if (finished_) return;
    auto event = take_sample();
    tell([&](View& view) { view.progress(event); });
  }
}

void Reporter::sample() {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  auto event = take_sample();
  tell([&](View& view) { view.progress(event); });
}

ProgressEvent Reporter::take_sample() {
  auto now = clock_.steady_now();
  ProgressEvent event;
  event.elapsed = std::chrono::duration<double>(now - started_).count();
  const uint64_t done_now = counters_.bytes_done.load(std::memory_order_relaxed);
  event.bytes_resumed = counters_.bytes_resumed.load(std::memory_order_relaxed);
  const auto landing = std::max<int64_t>(counters_.bytes_landing.load(std::memory_order_relaxed), 0);
  event.bytes_committed = done_now + event.bytes_resumed;
  event.segments = counters_.segments_active.load(std::memory_order_relaxed);
  event.window = counters_.segments_allowed.load(std::memory_order_relaxed);
  event.connections = counters_.connections_active.load(std::memory_order_relaxed);
  event.files_done = files_;
  event.files_failed = failed_;
  // The plan knows files that the engine has not admitted yet; the engine knows sizes that the plan did not.
  event.bytes_total = std::max(planned_bytes_, counters_.bytes_total.load(std::memory_order_relaxed));
  uint64_t arrived = event.bytes_committed + static_cast<uint64_t>(landing);
  if (event.bytes_total > 0) arrived = std::min(arrived, std::max(event.bytes_total, event.bytes_committed));
  shown_ = std::max(shown_, arrived);
  event.bytes_done = shown_;
  rate_.add(now, shown_ - std::min(shown_, event.bytes_resumed));
  event.rate = rate_.bytes_per_second();
  event.total_known = plan_complete_ && (!size_unknown_ || event.bytes_total > 0);
  if (event.total_known && event.rate > 0 && event.bytes_total >= event.bytes_done) {
    event.eta = static_cast<double>(event.bytes_total - event.bytes_done) / event.rate;
  }
  return event;
}

void Reporter::planned(std::optional<uint64_t> bytes) {
  std::lock_guard lock(mutex_);
  if (bytes) {
    planned_bytes_ += *bytes;
  } else {
    size_unknown_ = true;
  }
}

void Reporter::unplanned(std::optional<uint64_t> bytes) {
  std::lock_guard lock(mutex_);
  planned_bytes_ -= std::min(planned_bytes_, bytes.value_or(0));
}

void Reporter::plan_complete() {
  std::lock_guard lock(mutex_);
  plan_complete_ = true;
}

void Reporter::file(const FileEvent& event) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  if (event.skipped) {
    ++skipped_;
  } else if (!event.error) {
    ++files_;
    last_copied_ = event;
  } else if (event.error->code != Errc::kCancelled) {
    ++failed_;
  }
  tell([&](View& view) { view.file(event); });
}

void Reporter::error(const Error& error) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  tell([&](View& view) { view.error(error); });
}

void Reporter::log(const std::string& level, const std::string& message) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  tell([&](View& view) { view.log(level, message); });
}

void Reporter::tell(const std::function<void(View&)>& what) {
  for (const auto& view : views_) what(*view);
  look_for_trouble(false);
}

void Reporter::look_for_trouble(bool late) {
  for (const auto& view : views_) {
    const auto trouble = view->trouble();
    if (!trouble) continue;
    untold_ = true;
    if (late) {
      // After a summary lines of JSON have ended.
      views_.front()->error(*trouble);
      continue;
    }
    for (const auto& other : views_) other->error(*trouble);
  }
}

int Reporter::finish(int exit_code) {
  std::lock_guard lock(mutex_);
  if (finished_) return exit_code;
  finished_ = true;
  auto last = take_sample();
  tell([&](View& view) { view.progress(last); });
  const auto code = [&] {
    return exit_code == kExitOk && untold_ ? static_cast<int>(kExitLocalIo) : exit_code;
  };
  SummaryEvent event;
  event.bytes = last.bytes_committed;
  event.seconds = last.elapsed;
  event.bytes_resumed = last.bytes_resumed;
  event.mean_rate =
      last.elapsed > 0 ? static_cast<double>(last.bytes_committed - last.bytes_resumed) / last.elapsed : 0;
  event.files = files_;
  event.failed = failed_;
  event.skipped = skipped_;
  event.exit_code = code();
  event.window = last.window;
  const auto needed = static_cast<double>(counters_.bytes_needed.load(std::memory_order_relaxed));
  const auto fetched = static_cast<double>(counters_.bytes_fetched.load(std::memory_order_relaxed));
  if (needed > 0) event.overhead = fetched / needed;
  if (files_ == 1 && last_copied_.last_percent) {
    event.tail = last_copied_.last_percent;
    if (last_copied_.seconds > 0) event.tail_share = *event.tail / last_copied_.seconds;
  }
  for (const auto& view : views_) view->summary(event);
  look_for_trouble(true);
  return code();
}

}  // namespace sjcp::cli
