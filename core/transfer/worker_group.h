// Threads that work on one thing and stop together.
//
// The first body that returns an error, or a stop from outside, requests stop(); bodies watch it and return.
//
// Ownership: what the bodies refer to must outlive the group; the destructor stops and joins.
// Threads: wait() and join() from the owner's thread; start() from there and from bodies.  Errors: join()
// reports the most telling one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/error_rank.h"

namespace sjcp::transfer {

class WorkerGroup {
 public:
  using Body = std::function<Status()>;

  explicit WorkerGroup(std::stop_token outer);
  ~WorkerGroup();
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;

  // Adds up to `count` threads.  The system may refuse some: that is an error only when the group then has
  // none.
  Status start(unsigned count, const Body& body);

  std::stop_token stop() const { return source_.get_token(); }

  // True: every body has returned and none failed.  False: stop was requested; bodies may still run.
  bool wait() {
    return wait(std::chrono::hours(1), [] {});
  }
  // The same, with a look after something every so often.
  bool wait(std::chrono::milliseconds interval, const std::function<void()>& look);
  // Waits for the end of every body.  kCancelled when the stop came from outside before any error.
  Status join();

 private:
  void run(const Body& body);
  void join_all();
  void record(Error error);

  const std::stop_token outer_;
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  unsigned running_ = 0;
  bool interrupted_ = false;  // the stop from outside came before the first error
  WorstError errors_;
  std::vector<std::thread> threads_;  // not yet joined
  // Last, so that it is gone before what it touches.
  std::stop_callback<std::function<void()>> link_;
};

}  // namespace sjcp::transfer
