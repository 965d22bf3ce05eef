#include "tests/wan/histogram.h"
#include "tests/support/catch.h"

namespace sjcp::wan {

using namespace std::chrono_literals;

TEST_CASE("A histogram's quantiles are right to a 64th, its maximum exactly") {
  Histogram histogram;
  for (int i = 1; i <= 10'000; ++i) histogram.add(i * 10us);
  for (const double q : {0.05, 0.5, 0.95, 0.99}) {
    const auto exact = static_cast<double>(Time(100ms).count()) * q;
    CHECK(static_cast<double>(histogram.quantile(q).count()) >= exact);
    CHECK(static_cast<double>(histogram.quantile(q).count()) <= exact * (1 + 1 / 64.0) + 10'000);
  }
  CHECK(histogram.most() == Time(100ms));
  CHECK(histogram.count() == 10'000);
}

TEST_CASE("A histogram takes the longest time there is, and those before zero as none") {
  Histogram histogram;
  CHECK(histogram.quantile(0.5) == Time(0));
  histogram.add(-5ns);
  CHECK(histogram.quantile(0.5) == Time(0));
  histogram.add(Time::max());
  CHECK(histogram.most() == Time::max());
  CHECK(histogram.quantile(1) == Time::max());
}

}  // namespace sjcp::wan
