// Which services a person has been told about: many requests wait for one service that is away, and one line
// is enough for all of them.
//
// Threads: any.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "core/base/clock.h"

namespace sjcp::flow {

class Outages {
 public:
  // A request to this service waits until then.  True: say so; nobody has for this long.
  bool begins(const std::string& service, Clock::Steady now, Clock::Steady until);
  // It answers: the next time is worth a line of its own.
  void ends(const std::string& service);

 private:
  std::mutex mutex_;
  std::map<std::string, Clock::Steady> told_;  // until when
};

// "14:05:09", in the user's time zone.
std::string clock_text(Clock::Wall moment);

// "SERVICE: WHY; trying again until 14:03:07", in local time.  why: one line, without the service's name.
std::string waiting_text(const std::string& why, Clock::Wall until);

// "1 h 5 min", "90 s": as a person reads it, two units at most.
std::string period_text(std::chrono::seconds period);

}  // namespace sjcp::flow
