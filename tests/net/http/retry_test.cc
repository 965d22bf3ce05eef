#include "net/http/retry.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Error status(int number) {
  return make_error(number == 404 ? Errc::kNotFound : Errc::kLimited, "x", number);
}
const Error kLost = make_error(Errc::kNetwork, "x", 56);

}  // namespace

TEST_CASE("waits double up to their limit and are scaled by chance") {
  const RetryRules rules{milliseconds(100), milliseconds(500), seconds(10), 10, 10, 100};
  RetryBudget budget(100);
  double chance = 0.999;
  Retry retry(rules, budget, [&] { return chance; });
  std::vector<int64_t> waits;
  for (int i = 0; i < 5; ++i) waits.push_back(retry.wait(kLost)->count());
  CHECK(waits == std::vector<int64_t>{99, 199, 399, 499, 499});
  chance = 0;
  CHECK(retry.wait(kLost)->count() == 0);
  retry.progress();
  chance = 0.5;
  CHECK(retry.wait(kLost)->count() == 50);
}

TEST_CASE("what the server asks for wins, within a limit") {
  const RetryRules rules{milliseconds(100), milliseconds(500), seconds(10), 10, 10, 100};
  RetryBudget budget(100);
  Retry retry(rules, budget, [] { return 0.5; });
  CHECK(*retry.wait(status(429), seconds(3)) == milliseconds(3050));
  CHECK(*retry.wait(status(503), seconds(100000)) == milliseconds(10100));
}

TEST_CASE("errors that cannot pass are not tried again") {
  RetryBudget budget(100);
  const RetryRules rules;
  Retry retry(rules, budget, [] { return 0.0; });
  CHECK_FALSE(retry.wait(status(404)));
  CHECK_FALSE(retry.wait(make_error(Errc::kLimited, "full", 507)));
  CHECK_FALSE(retry.wait(make_error(Errc::kCancelled, "stopped")));
  CHECK_FALSE(retry.wait(make_error(Errc::kIntegrity, "certificate", 60)));
  CHECK(retry.wait(kLost));
}

TEST_CASE("tries in a row are limited, fewer while the server was never heard of") {
  const RetryRules rules{milliseconds(1), milliseconds(1), seconds(1), 5, 3, 100};
  RetryBudget budget(100);
  const auto repetitions = [](Retry& retry, const Error& error) {
    int count = 0;
    while (retry.wait(error)) ++count;
    return count;
  };
  Retry unheard(rules, budget, [] { return 0.0; });
  CHECK(repetitions(unheard, kLost) == 2);
  Retry answered(rules, budget, [] { return 0.0; });
  CHECK(repetitions(answered, status(503)) == 4);
  Retry working(rules, budget, [] { return 0.0; });
  working.progress();
  CHECK(repetitions(working, kLost) == 4);
  working.progress();
  CHECK(repetitions(working, kLost) == 4);
}

TEST_CASE("the budget of a transfer ends all its repetitions") {
  const RetryRules rules;
  RetryBudget budget(3);
  int granted = 0;
  for (int i = 0; i < 10; ++i) {
    Retry retry(rules, budget, [] { return 0.0; });
    if (retry.wait(kLost)) ++granted;
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

TEST_CASE("Retry-After is seconds or a date") {
  const Clock::Wall now{seconds(784111777)};  // Sun, 06 Nov 1994 08:49:37 GMT
  CHECK(retry_after("120", now) == seconds(120));
  CHECK(retry_after("0", now) == seconds(0));
  CHECK(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now) == seconds(60));
  CHECK(retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now) == seconds(60));
  CHECK(retry_after("Sun Nov  6 08:50:37 1994", now) == seconds(60));
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now) == seconds(0));
  CHECK(retry_after("99999999999999999999999", now) == seconds(1'000'000));
  for (const char* value : {"", "-5", "1.5", "soon", "Sun, 06 Nov 1994 08:50:37 PST", "5 s"}) {
    INFO(value);
    CHECK_FALSE(retry_after(value, now));
  }
}
