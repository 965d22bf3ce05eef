// How many requests may be on their way to a server that has asked for fewer (429, 503).
//
// Each request takes a turn and keeps it until its reply has ended.  As long as a server minds nothing, turns
// are there at once; after a refusal transfer::RequestWindow says how many there are, and whoever comes then
// waits in order of arrival.  Where nothing has begun or ended for kPatience, one more request goes anyway:
// whoever holds the turns may be waiting for the one that waits.
//
// Threads: any; a turn belongs to one thread at a time and must not outlive its Turns.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/transfer/request_window.h"
#include "net/http/url.h"

namespace sjcp::http {

class Turns {
  struct Server;

 public:
  static constexpr std::chrono::seconds kPatience{30};

  // Gives itself back when destroyed.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { end(); }

    // False: the request was not wanted any more.
    explicit operator bool() const { return owner_ != nullptr; }
    // What the server makes of the request: too much, or an answer.  At most one of them.
    void refused();
    void answered();

   private:
    friend class Turns;
    Turn(Turns* owner, Server* server, bool counted, Clock::Steady sent)
        : owner_(owner), server_(server), counted_(counted), sent_(sent) {}
    void end();
    Turns* owner_ = nullptr;
    Server* server_ = nullptr;
    bool counted_ = false;
    Clock::Steady sent_{};
  };

  explicit Turns(const Clock& clock = system_clock()) : clock_(clock) {}

  // Waits for a turn at the URL's server; unwanted() is asked meanwhile, ten times a second.  kCancelled:
  // stop is requested.
  Result<Turn> take(const Url& url, const std::stop_token& stop, const std::function<bool()>& unwanted);
  // One that is there at once, whatever the server says, and that nobody waits for.
  Turn take_uncounted(const Url& url);

  // At this moment, of the URL's server: counted turns, and those that wait for one.
  unsigned on_their_way(const Url& url);
  size_t waiting(const Url& url);

 private:
  struct Server {
    std::string name;  // for people
    transfer::RequestWindow window;
    unsigned on_their_way = 0;
    Clock::Steady moved{};  // a turn has begun after waiting, or ended, last
    bool told = false;      // that it asks for fewer
    uint64_t next_ticket = 0;
    std::deque<uint64_t> queue;  // tickets of those that wait
    std::condition_variable_any changed;
  };
  Server& server_of(const Url& url);
  bool may_go(const Server& server, Clock::Steady since) const;

  const Clock& clock_;
  std::mutex mutex_;  // guards the rest
  std::map<std::string, Server> servers_;
};

}  // namespace sjcp::http
