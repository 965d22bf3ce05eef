#include "core/base/wait.h"
#include "tests/support/catch.h"

#include <thread>

using namespace sjcp;
using namespace std::chrono_literals;

namespace {

constexpr auto kForever = 1h;
constexpr auto kPatience = 20s;

}  // namespace

TEST_CASE("Waiting takes as long as it is told to when nothing stops it") {
  std::stop_source stop;
  const auto begin = system_clock().steady_now();
  CHECK(wait_unless_stopped(20ms, stop.get_token()));
  CHECK(system_clock().steady_now() - begin >= 20ms);
  const auto until = system_clock().steady_now() + 20ms;
  CHECK(wait_unless_stopped(until, stop.get_token()));
  CHECK(system_clock().steady_now() >= until);
}

TEST_CASE("Without anything that could stop it waiting ends as well") {
  CHECK(wait_unless_stopped(1ms, {}));
  CHECK(wait_unless_stopped(-1s, {}));
  CHECK(wait_unless_stopped(system_clock().steady_now() - kForever, {}));
}

TEST_CASE("A stop that came first ends the wait before it begins") {
  std::stop_source stop;
  stop.request_stop();
  const auto begin = system_clock().steady_now();
  CHECK_FALSE(wait_unless_stopped(kForever, stop.get_token()));
  CHECK_FALSE(wait_unless_stopped(begin + kForever, stop.get_token()));
  CHECK_FALSE(wait_unless_stopped(0ms, stop.get_token()));
  CHECK(system_clock().steady_now() - begin < kPatience);
}

TEST_CASE("A stop from another thread ends the wait") {
  std::stop_source stop;
  const auto begin = system_clock().steady_now();
  std::jthread other([&stop] { stop.request_stop(); });
  CHECK_FALSE(wait_unless_stopped(kForever, stop.get_token()));
  CHECK(system_clock().steady_now() - begin < kPatience);
}
