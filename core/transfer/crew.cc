#include "core/transfer/crew.h"

#include <utility>

namespace sjcp::transfer {
namespace {

// One more than is needed, so that a worker that comes back just before the one that waits is served does not
// end only to be started again.
constexpr size_t kWaitingAtMost = 2;

}  // namespace

void Crew::Turn::taken() {
  taken_ = true;
  crew_.keep_one_waiting();
}

Status Crew::start(size_t most, Body body) {
  body_ = std::move(body);
  most_ = most;
  waiting_ = workers_ = 1;
  return group_.start(1, [this] { return work(); });
}

Status Crew::alone(Body body) {
  body_ = std::move(body);
  most_ = waiting_ = workers_ = 1;
  Status status = work();
  return stop().stop_requested() ? make_error(Errc::kCancelled, "interrupted") : status;
}

void Crew::nothing_left() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  idle_.request_stop();
}

size_t Crew::workers() const {
  const std::lock_guard lock(mutex_);
  return workers_;
}

Status Crew::work() {
  for (;;) {
    Turn turn(*this);
    Status status = body_(turn);
    if (!status || !wait_again(turn)) return status;
  }
}

// Called by one that waits no longer.  Somebody must be there to take what comes next; more than that would
// be idle threads.
void Crew::keep_one_waiting() {
  {
    const std::lock_guard lock(mutex_);
    --waiting_;
    if (over_ || waiting_ > 0 || workers_ == most_) return;
    ++waiting_;
    ++workers_;
  }
  // Where the system refuses a thread, those that there are do the work.
  if (group_.start(1, [this] { return work(); })) return;
  const std::lock_guard lock(mutex_);
  --waiting_;
  --workers_;
}

// True: the worker begins another turn.
bool Crew::wait_again(const Turn& turn) {
  const std::lock_guard lock(mutex_);
  if (!turn.taken_) --waiting_;
  const bool useful = !over_ && waiting_ < kWaitingAtMost;
  if (useful) {
    ++waiting_;
  } else {
    --workers_;
  }
  return useful;
}

}  // namespace sjcp::transfer
