// Workers of one transfer, as many as its work has use for: it begins with one, and whenever one has got what
// it waited for (a place, memory, its turn to read) another is there to wait for the next.
//
// Ownership: what the body refers to must outlive the crew, which stops and joins its workers when destroyed.
// Threads: start(), wait() and join() from the owner's; the rest from any.  Errors: as WorkerGroup.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>

#include "core/base/result.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {

class Crew {
 public:
  // One round of a worker, which begins it as one of those that wait.
  class Turn {
   public:
    // The worker has what it waited for: somebody else may wait for the next.  Once per turn.
    void taken();

   private:
    friend class Crew;
    explicit Turn(Crew& crew) : crew_(crew) {}
    Crew& crew_;
    bool taken_ = false;
  };
  // Waits for something to do and does it.  Returns without taken() only on errors and when nothing is left.
  using Body = std::function<Status(Turn& turn)>;

  explicit Crew(std::stop_token outer) : group_(std::move(outer)) {}

  // Once.  At most `most` workers, each in one turn after another.
  Status start(size_t most, Body body);
  // Instead of start(): the caller is the only worker, until nothing is left.  The verdict, as of join().
  Status alone(Body body);
  // Those that wait need not wait any longer, and no more are started.
  void nothing_left();

  std::stop_token stop() const { return group_.stop(); }
  // Stopped, or nothing is left: for those that wait.
  std::stop_token idle() const { return idle_.get_token(); }
  size_t workers() const;

  bool wait(std::chrono::milliseconds interval, const std::function<void()>& look) {
    return group_.wait(interval, look);
  }
  bool wait() { return group_.wait(); }
  Status join() { return group_.join(); }

 private:
  Status work();
  void keep_one_waiting();
  bool wait_again(const Turn& turn);

  Body body_;
  size_t most_ = 0;
  mutable std::mutex mutex_;  // guards the three below
  size_t waiting_ = 0;
  size_t workers_ = 0;
  bool over_ = false;
  std::stop_source idle_;
  WorkerGroup group_;
  std::stop_callback<std::function<void()>> link_{group_.stop(), [this] { idle_.request_stop(); }};
};

}  // namespace sjcp::transfer
