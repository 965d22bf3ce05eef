// Whether a question to a satellite, a node, an S3 service, a hub or a web server is asked again, after how
// long, and for how long in all: one table for all of them.
//
// What happened is the error's Fault; what repeating would mean is the question's kind:
//
//                  kSafe   kTraceable  kOnce   for as long as
//   kUnreached     again   again       again   the patience
//   kBroken        again   look        stop    the patience
//   kSilent        again   look        stop    two repetitions: each has waited for its own limit before
//   kUnavailable   again   look        stop    the patience
//   kBusy          again   again       again   the patience, with longer waits
//   kServerError   again   look        stop    half the patience
//   kNone          stop    stop        stop
//
// Failures are counted from the first of a row; whatever useful comes begins anew.  Waits double from try to
// try and are random within their upper half, so that many clients do not come back together.  What a server
// asks for (Retry-After) wins over both wait and patience, up to a limit: beyond it there is nothing to wait
// for.
//
// A transfer as a whole has a RetryBudget, so that thousands of ranges do not each use up their own patience;
// what arrives fills it again, so that a long transfer does not end by failures that did it no harm, but a
// server that breaks off after some bytes each time does not keep it busy for ever.
//
// Pure: time and chance are the caller's.  Threads: RetryBudget any; Retry one at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace sjcp::flow {

enum class Question : uint8_t {
  kSafe,       // asking twice is as good as once: reads, and what the peer does the same way twice
  kTraceable,  // what became of it can be found out by what marks it as ours
  kOnce,       // neither
};

enum class Next : uint8_t {
  kAgain,  // send it again
  kLook,   // ask what became of it, and send it again only if nothing did
  kStop,   // the error is the outcome
};

struct RetryPolicy {
  std::chrono::milliseconds first_wait{100};  // before the first repetition, at most
  std::chrono::milliseconds longest_wait{3'000};
  std::chrono::milliseconds longest_busy_wait{20'000};  // of a peer that asks for fewer requests
  std::chrono::milliseconds patience{60'000};   // from the first failure in a row; 0: nothing is repeated
  std::chrono::seconds longest_asked{600};      // what a server may ask for, at once and in sum
  std::chrono::milliseconds told_after{3'000};  // a person hears of it when it takes longer
};

// A row of the table.
struct RetryRow {
  Fault fault;
  Next safe;
  Next traceable;
  Next once;
  unsigned share;  // of the patience: 1 is all of it, 2 a half
  unsigned tries;  // repetitions in a row; 0: as many as the patience has room for
};

// Total: every fault has a row.
const RetryRow& retry_row(Fault fault);
Next next_of(Fault fault, Question question);

// Of one transfer.
class RetryBudget {
 public:
  // Bytes that earn one repetition.
  static constexpr uint64_t kEarning = 64 << 10;

  // Repetitions of a transfer of one object, beside those that its progress earns.
  static constexpr unsigned kOfObject = 300;

  explicit RetryBudget(unsigned repetitions = kOfObject) : full_(repetitions * kEarning), left_(full_) {}
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

  struct Verdict {
    Next next = Next::kStop;
    std::chrono::milliseconds wait{0};  // before that
    Clock::Steady until{};  // when it is over if nothing gets better: the end of the patience, or of the wait
    bool tell = false;      // it takes so long that a person should hear of it; once in a row
    bool asked_too_long = false;  // kStop because the server asked for more than anybody waits
  };

  // What is passed outlives this.  budget: null for what belongs to no transfer.
  Retry(const RetryPolicy& policy, RetryBudget* budget, Random random)
      : policy_(policy), budget_(budget), random_(std::move(random)) {}

  // After a try that ended with this fault at `now`.  asked: what the server asked for.
  Verdict failed(Fault fault, Question question, Clock::Steady now,
                 std::optional<std::chrono::seconds> asked = std::nullopt);
  // Something useful came: a row of failures ends.
  void progress();
  unsigned failures() const { return failures_; }  // in a row

 private:
  std::chrono::milliseconds wait_of(const RetryRow& row) const;
  bool exhausted(const RetryRow& row, Clock::Steady now) const;

  const RetryPolicy& policy_;
  RetryBudget* const budget_;
  const Random random_;
  unsigned failures_ = 0;
  std::optional<Clock::Steady> since_;  // the first failure of the row
  std::chrono::milliseconds asked_waits_{
      0};  // what servers have asked for in the row: not part of the patience
  bool told_ = false;
};

// The machine's own, one generator per thread.
Retry::Random system_random();

}  // namespace sjcp::flow
