// The driver of a Retry: asks it, tells a person, waits, and says what to do next.
//
//   Repeats repeats(waits, "service.example:443", budget);
//   for (;;) {
//     auto reply = ask();
//     if (reply) return reply;
//     auto next = repeats.after(reply.error(), Question::kSafe, stop);
//     if (!next) return next.error();   // the error to end with
//   }
//
// Threads: one at a time; Waits any.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/flow/outages.h"
#include "core/flow/retry.h"

namespace sjcp::flow {

// What all questions of one client share.
struct Waits {
  RetryPolicy policy;
  const Clock* clock = &system_clock();
  std::function<void(const std::string& line)> tell = [](const std::string&) {};  // from any thread
  // Of each repetition, for whoever looks for what went wrong; from any thread.
  std::function<void(const std::string& line)> note = [](const std::string&) {};
  Retry::Random random = system_random();
  Outages outages;
};

class Repeats {
 public:
  // service: by which waiting is told once.  All must outlive it.  budget, counter: null where there is none;
  // the counter counts repetitions.
  Repeats(Waits& waits, std::string service, RetryBudget* budget = nullptr,
          std::atomic<uint64_t>* counter = nullptr);

  // After a try that failed: kAgain or kLook, once the wait is over; an error: the one to end with, which
  // says how long it was tried, or when the service wants to be asked again (kLimited), or kCancelled.  Its
  // fault is kNone once repetitions are used up, so that nobody around repeats it for as long again.
  // unwanted: looked at ten times a second; true ends the wait early.
  Result<Next> after(const Error& error, Question question, const std::stop_token& stop,
                     std::optional<std::chrono::seconds> asked = std::nullopt,
                     const std::function<bool()>& unwanted = nullptr);
  // Something useful came.
  void progress();

 private:
  Error final_error(const Error& error, Question question, const Retry::Verdict& verdict,
                    std::optional<std::chrono::seconds> asked) const;

  Waits& waits_;
  const std::string service_;
  std::atomic<uint64_t>* const counter_;
  Retry retry_;
  std::optional<Clock::Steady> since_;
};

}  // namespace sjcp::flow
