// Whether, when and how often a request is sent again.
//
// Waits grow from try to try and are random between nothing and their full length, so that many clients do
// not come back together; what the server asks for (Retry-After) wins.  Tries are counted in a row, progress
// begins anew.  A transfer as a whole has a budget, so that thousands of ranges do not each use up their own;
// what arrives fills it again, so that a long transfer does not end by failures that did it no harm, but a
// server that breaks off after some bytes each time does not keep it busy for ever.
//
// Threads: RetryBudget any; Retry one at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "net/http/client.h"

namespace sjcp::http {

struct RetryRules {
  std::chrono::milliseconds first_wait{250};  // at most, before the first repetition; then twice as much
  std::chrono::milliseconds longest_wait{20'000};
  std::chrono::seconds longest_asked{120};  // what a server may ask for
  unsigned tries = 8;                       // in a row, the first included
  // The same while nothing has ever been heard of the server: a mistyped name should not take a minute.
  unsigned tries_unheard = 3;
  unsigned budget = 300;  // repetitions of one transfer, beside those that its progress earns
};

// May the same request do better later?  kNetwork and kLimited, but 507.
bool worth_retrying(const Error& error);

// Seconds or a date; nothing: the header is absent or malformed.  A moment that is over: 0.
std::optional<std::chrono::seconds> retry_after(std::string_view value, Clock::Wall now);
// Of a reply: an exhausted RateLimit, else Retry-After.
std::optional<std::chrono::seconds> retry_after(const Head& head, Clock::Wall now);

// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing: it is no such date.
std::optional<Clock::Wall> parse_date(std::string_view text);

// Of one transfer.
class RetryBudget {
 public:
  // Bytes that earn one repetition.
  static constexpr uint64_t kEarning = 64 << 10;

  explicit RetryBudget(unsigned repetitions) : full_(repetitions * kEarning), left_(full_) {}
  // One repetition; false: there is none left.
  bool take();
  // So many useful bytes came.  The budget never exceeds what it began with.
  void earn(uint64_t bytes);

 private:
  const uint64_t full_;
  std::atomic<uint64_t> left_;  // repetitions, in bytes that earn them
};

// Of one sequence of requests for the same thing.
class Retry {
 public:
  using Random = std::function<double()>;  // [0, 1)
  // What is passed outlives this.
  Retry(const RetryRules& rules, RetryBudget& budget, Random random)
      : rules_(rules), budget_(budget), random_(std::move(random)) {}

  // After a try that ended with this error: how long to wait before the next; nothing: give up.
  // asked: what the server asked for.
  std::optional<std::chrono::milliseconds> wait(const Error& error,
                                                std::optional<std::chrono::seconds> asked = std::nullopt);
  // The server answers.
  void heard() { heard_ = true; }
  // Something useful came.
  void progress() {
    heard_ = true;
    tries_ = 0;
  }
  unsigned tries() const { return tries_; }

 private:
  const RetryRules& rules_;
  RetryBudget& budget_;
  Random random_;
  unsigned tries_ = 0;
  bool heard_ = false;
};

// The machine's own, one generator per thread.
Retry::Random system_random();

}  // namespace sjcp::http
