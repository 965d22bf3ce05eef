#include "cli/patience.h"

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
using namespace std::chrono_literals;

namespace {

std::chrono::milliseconds patience(World& world, std::vector<std::string> options) {
  std::vector<std::string> args = {"mb", "sj://bucket"};
  args.insert(args.begin() + 1, options.begin(), options.end());
  world.cloud.buckets.clear();
  const auto outcome = world.run(args);
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  return world.cloud.patience;
}

}  // namespace

TEST_CASE("Services are waited for as long as the option says, else the environment, else a minute") {
  World world;
  CHECK(patience(world, {}) == 60s);
  CHECK(patience(world, {"--retry-time", "90s"}) == 90s);
  CHECK(patience(world, {"--retry-time=5m"}) == 5min);
  CHECK(patience(world, {"--retry-time", "7"}) == 7s);
  CHECK(patience(world, {"--retry-time", "0"}) == 0s);
  world.env["SJCP_RETRY_TIME"] = "2m";
  CHECK(patience(world, {}) == 2min);
  CHECK(patience(world, {"--retry-time", "1500ms"}) == 1500ms);
}

TEST_CASE("What is no period is refused, and the message says where it stands") {
  for (const char* text : {"soon", "-1s", "1y", "1e3", "99999h", "1s2", " "}) {
    World world;
    const auto typed = world.run({"ls", "--retry-time", text, "sj://bucket/"});
    CAPTURE(text, typed.err);
    CHECK(typed.code == 2);
    CHECK(typed.err.find("--retry-time") != std::string::npos);
    world.env["SJCP_RETRY_TIME"] = text;
    const auto set = world.run({"ls", "sj://bucket/"});
    CAPTURE(set.err);
    CHECK(set.code == 2);
    CHECK(set.err.find("SJCP_RETRY_TIME") != std::string::npos);
  }
}
