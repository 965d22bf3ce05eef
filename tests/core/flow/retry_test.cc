#include "core/flow/retry.h"

#include <vector>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace sjcp::flow;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Fault kFaults[] = {Fault::kNone,        Fault::kUnreached, Fault::kBroken,     Fault::kSilent,
                             Fault::kUnavailable, Fault::kBusy,      Fault::kServerError};

// Fails again and again, each try taking so long: the moments of the repetitions, and of giving up at the
// end.
std::vector<double> moments(Retry& retry, Fault fault, Question question,
                            milliseconds each = milliseconds(0)) {
  test::HandClock clock;
  std::vector<double> all;
  for (;;) {
    clock.advance(each);
    const auto verdict = retry.failed(fault, question, clock.steady_now());
    clock.advance(verdict.wait);
    all.push_back(std::chrono::duration<double>(clock.passed()).count());
    if (verdict.next == Next::kStop) return all;
  }
}

}  // namespace

TEST_CASE(
    "every fault has its row, and only what was not done is repeated for those that must not be done twice") {
  for (const Fault fault : kFaults) {
    CAPTURE(to_string(fault));
    CHECK(retry_row(fault).fault == fault);
    const bool untouched = fault == Fault::kUnreached || fault == Fault::kBusy;
    CHECK((next_of(fault, Question::kOnce) == Next::kAgain) == untouched);
    if (fault == Fault::kNone) {
      CHECK(next_of(fault, Question::kSafe) == Next::kStop);
      CHECK(next_of(fault, Question::kTraceable) == Next::kStop);
    } else {
      CHECK(next_of(fault, Question::kSafe) == Next::kAgain);
      CHECK(next_of(fault, Question::kTraceable) == (untouched ? Next::kAgain : Next::kLook));
    }
  }
}

TEST_CASE("who is away for ten seconds is found within fifteen, whatever chance says") {
  for (const double chance : {0.0, 0.5, 0.999}) {
    const RetryPolicy policy;
    Retry retry(policy, nullptr, [chance] { return chance; });
    for (const double moment : moments(retry, Fault::kUnreached, Question::kSafe)) {
      if (moment < 10) continue;
      CHECK(moment < 15);
      break;
    }
  }
}

TEST_CASE("patience lasts a minute from the first failure, and the last try is made at its end") {
  const RetryPolicy policy;
  for (const Fault fault : {Fault::kUnreached, Fault::kBroken, Fault::kUnavailable, Fault::kBusy}) {
    Retry retry(policy, nullptr, [] { return 0.5; });
    const auto all = moments(retry, fault, Question::kSafe);
    CHECK(all.back() == Approx(60));
    CHECK(all[all.size() - 2] == Approx(60));
  }
  Retry failing(policy, nullptr, [] { return 0.5; });
  CHECK(moments(failing, Fault::kServerError, Question::kSafe).back() == Approx(30));
  // Three times a limit of 10 s.
  Retry silent(policy, nullptr, [] { return 0.5; });
  CHECK(moments(silent, Fault::kSilent, Question::kSafe, seconds(10)).size() == 3);
}

TEST_CASE("waits double up to their limit, by chance between half and all of it") {
  RetryPolicy policy;
  policy.first_wait = milliseconds(100);
  policy.longest_wait = milliseconds(500);
  policy.longest_busy_wait = milliseconds(800);
  const test::HandClock clock;
  double chance = 0;
  const auto waits = [&](Fault fault) {
    Retry retry(policy, nullptr, [&] { return chance; });
    std::vector<int64_t> all;
    for (int i = 0; i < 5; ++i)
      all.push_back(retry.failed(fault, Question::kSafe, clock.steady_now()).wait.count());
    return all;
  };
  CHECK(waits(Fault::kBroken) == std::vector<int64_t>{50, 100, 200, 250, 250});
  chance = 0.999;
  CHECK(waits(Fault::kBroken) == std::vector<int64_t>{99, 199, 399, 499, 499});
  CHECK(waits(Fault::kBusy) == std::vector<int64_t>{99, 199, 399, 799, 799});
}

TEST_CASE("what the server asks for wins, is not part of the patience, and has a limit") {
  const RetryPolicy policy;
  test::HandClock clock;
  Retry retry(policy, nullptr, [] { return 0.0; });
  auto verdict = retry.failed(Fault::kUnavailable, Question::kSafe, clock.steady_now(), seconds(300));
  CHECK(verdict.next == Next::kAgain);
  CHECK(verdict.wait == milliseconds(300'050));
  CHECK(verdict.tell);
  CHECK(verdict.until == clock.steady_now() + verdict.wait);
  clock.advance(verdict.wait);
  verdict = retry.failed(Fault::kUnavailable, Question::kSafe, clock.steady_now());
  CHECK(verdict.next == Next::kAgain);
  // With the first more than ten minutes.
  verdict = retry.failed(Fault::kUnavailable, Question::kSafe, clock.steady_now(), seconds(301));
  CHECK(verdict.next == Next::kStop);
  CHECK(verdict.asked_too_long);
  Retry other(policy, nullptr, [] { return 0.0; });
  CHECK(other.failed(Fault::kBusy, Question::kSafe, clock.steady_now(), seconds(3600)).asked_too_long);
}

TEST_CASE("a server that always asks for no time at all is not waited for any longer") {
  const RetryPolicy policy;
  test::HandClock clock;
  Retry retry(policy, nullptr, [] { return 0.5; });
  const auto begin = clock.steady_now();
  for (;;) {
    const auto verdict = retry.failed(Fault::kUnavailable, Question::kSafe, clock.steady_now(), seconds(0));
    if (verdict.next == Next::kStop) break;
    clock.advance(verdict.wait);
  }
  CHECK(clock.steady_now() - begin == policy.patience);
}

TEST_CASE("a person hears once of what takes more than three seconds") {
  const RetryPolicy policy;
  test::HandClock clock;
  Retry retry(policy, nullptr, [] { return 0.5; });
  int told = 0;
  double first = 0;
  for (;;) {
    const auto verdict = retry.failed(Fault::kUnreached, Question::kSafe, clock.steady_now());
    if (verdict.next == Next::kStop) break;
    if (verdict.tell && told++ == 0) {
      first = std::chrono::duration<double>(clock.passed()).count();
      CHECK(verdict.until - clock.steady_now() + clock.passed() == seconds(60));
    }
    clock.advance(verdict.wait);
  }
  CHECK(told == 1);
  CHECK(first < 3);
  CHECK(first > 0);
}

TEST_CASE("progress ends a row: patience, waits and words begin anew") {
  const RetryPolicy policy;
  test::HandClock clock;
  Retry retry(policy, nullptr, [] { return 0.999; });
  for (int i = 0; i < 10; ++i) retry.failed(Fault::kBroken, Question::kSafe, clock.steady_now());
  clock.advance(seconds(120));
  retry.progress();
  CHECK(retry.failures() == 0);
  const auto verdict = retry.failed(Fault::kBroken, Question::kSafe, clock.steady_now());
  CHECK(verdict.next == Next::kAgain);
  CHECK(verdict.wait == milliseconds(99));
  CHECK_FALSE(verdict.tell);
}

TEST_CASE("without patience nothing is repeated") {
  RetryPolicy policy;
  policy.patience = milliseconds(0);
  const test::HandClock clock;
  for (const Fault fault : kFaults) {
    Retry retry(policy, nullptr, [] { return 0.0; });
    CHECK(retry.failed(fault, Question::kSafe, clock.steady_now()).next == Next::kStop);
  }
}

TEST_CASE("the budget of a transfer ends all its repetitions") {
  const RetryPolicy policy;
  const test::HandClock clock;
  RetryBudget budget(3);
  int granted = 0;
  for (int i = 0; i < 10; ++i) {
    Retry retry(policy, &budget, [] { return 0.0; });
    if (retry.failed(Fault::kBroken, Question::kSafe, clock.steady_now()).next == Next::kAgain) ++granted;
  }
  CHECK(granted == 3);
}

TEST_CASE("what arrives fills the budget again, up to what it was") {
  RetryBudget budget(2);
  REQUIRE(budget.take());
  REQUIRE(budget.take());
  CHECK_FALSE(budget.take());
  budget.earn(RetryBudget::kEarning - 1);
  CHECK_FALSE(budget.take());
  budget.earn(1);
  CHECK(budget.take());
  CHECK_FALSE(budget.take());
  budget.earn(UINT64_MAX);
  CHECK(budget.take());
  CHECK(budget.take());
  CHECK_FALSE(budget.take());
}
