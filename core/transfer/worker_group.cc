#include "core/transfer/worker_group.h"

#include <system_error>
#include <utility>

namespace sjcp::transfer {

WorkerGroup::WorkerGroup(std::stop_token outer)
    : outer_(std::move(outer)), link_(outer_, [this] { source_.request_stop(); }) {}

WorkerGroup::~WorkerGroup() {
  source_.request_stop();
  join_all();
}

Status WorkerGroup::start(unsigned count, const Body& body) {
  const std::lock_guard lock(mutex_);
  for (unsigned i = 0; i < count; ++i) {
    ++running_;
    // The standard library reports a thread that cannot be had (a limit on processes) as an exception only.
    try {
      threads_.emplace_back([this, body] { run(body); });
    } catch (const std::system_error& error) {
      --running_;
      if (running_ > 0) return {};
      Error refused = errno_error("starting a thread", error.code().value());
      refused.what += "; raise ulimit -u or -v";
      return refused;
    }
  }
  return {};
}

bool WorkerGroup::wait(std::chrono::milliseconds interval, const std::function<void()>& look) {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, source_.get_token(), interval, [this] { return running_ == 0; })) {
    if (source_.stop_requested()) break;
    lock.unlock();
    look();
    lock.lock();
  }
  return !source_.stop_requested();
}

// Bodies may start others until the last of them has returned.
void WorkerGroup::join_all() {
  for (;;) {
    std::vector<std::thread> threads;
    {
      std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    if (threads.empty()) return;
    for (std::thread& thread : threads) thread.join();
  }
}

Status WorkerGroup::join() {
  join_all();
  std::lock_guard lock(mutex_);
  if (interrupted_) return make_error(Errc::kCancelled, "interrupted");
  if (errors_.get()) return *errors_.get();
  return {};
}

void WorkerGroup::run(const Body& body) {
  Status status = body();
  if (!status) record(std::move(status).error());
  std::lock_guard lock(mutex_);
  --running_;
  ended_.notify_all();
}

void WorkerGroup::record(Error error) {
  {
    std::lock_guard lock(mutex_);
    // After a stop from outside, what fails fails because of it.
    if (!errors_.get() && outer_.stop_requested()) interrupted_ = true;
    errors_.add(std::move(error));
  }
  source_.request_stop();
}

}  // namespace sjcp::transfer
