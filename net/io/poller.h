// Waits for readiness of many descriptors at once (epoll), with a stop signal and a time limit.
//
// A segment's race owns one: its thread waits here and nowhere else.  Level-triggered.
//
// Threads: one; only the stop token reacts from elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "core/base/result.h"
#include "net/io/peer_connection.h"

namespace sjcp::io {

class Poller {
 public:
  struct Event {
    uint64_t token = 0;
    bool readable = false;  // also on error and hang-up, so that a read reports it
    bool writable = false;
  };

  explicit Poller(std::stop_token stop = {});
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Begins anew: nothing is watched, and this stop counts.  Descriptors that were watched may have been
  // closed.
  void restart(std::stop_token stop);

  // Watches fd; token comes back in events.  Adding a watched fd changes what is watched.  Neither read nor
  // write: keeps it registered but silent.
  void watch(int fd, uint64_t token, bool read, bool write);
  // Must be called before fd is closed.
  void forget(int fd);

  // Waits until something is ready, the time limit passes (empty result) or stop is requested (kCancelled).
  // kLocalIo when the system refused descriptors or watches. The returned vector is valid until the next
  // call.
  Result<const std::vector<Event>*> wait(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One descriptor, until ready or deadline.  kNetwork with cause ETIMEDOUT and Fault::kSilent on time-out,
// kCancelled on stop.
Status wait_ready(int fd, Ready what, std::chrono::steady_clock::time_point deadline,
                  const std::stop_token& stop);
// Until readable (if read) or writable (if write).
Status wait_ready(int fd, bool read, bool write, std::chrono::steady_clock::time_point deadline,
                  const std::stop_token& stop);

}  // namespace sjcp::io
