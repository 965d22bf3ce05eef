// Connections that are begun before the requests that will use them, which saves those a round trip.
//
// Ownership: of the sockets until somebody takes them.
// Threads: any.
// Errors: none; what does not connect is not there.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "net/io/endpoint.h"

namespace sjcp::io {

class EarlyDials {
 public:
  // Servers close what says nothing for long: a connection this old is not given to anybody.
  static constexpr std::chrono::seconds kFresh{5};
  // So long take() waits for a dial that has not ended: it is sooner there than a new one.
  static constexpr std::chrono::milliseconds kPatience{50};

  explicit EarlyDials(const Clock& clock = system_clock()) : clock_(clock) {}
  ~EarlyDials();
  EarlyDials(const EarlyDials&) = delete;
  EarlyDials& operator=(const EarlyDials&) = delete;

  // Begins a TCP connection; waits for nothing.
  void dial(const Endpoint& endpoint);
  // A connected socket of this address (the bytes of a sockaddr), which does not block, the caller's from
  // then on; -1: there is none.
  int take(ByteView address);
  size_t size() const;

 private:
  struct Dial {
    std::string address;
    int socket;
    Clock::Steady begun;
  };

  void drop_stale();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Dial> dials_;
};

}  // namespace sjcp::io
