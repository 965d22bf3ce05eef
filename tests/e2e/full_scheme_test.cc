// The real network's scheme, 29/35/65/80 over 84 nodes, and the memory that it takes.

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kMiB = 1 << 20;
const std::vector<std::string> kNetwork{"--nodes", "84", "--rs", "29/35/65/80"};

Exit run_within(const User& user, std::vector<std::string> args) {
  Command command = user.command(std::move(args));
  command.limit = 120s;
  return Child(command).finish();
}

}  // namespace

TEST_CASE("At 29 of 80, 300 MB go there and back in 256 MiB at -p 16", "[full_scheme]") {
  LocalNetwork network(kNetwork);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 300'000'000);
  const Exit up = run_within(user, {"cp", "-p", "16", file, "sj://bucket/object"});
  CAPTURE(up.err);
  REQUIRE(up.code == 0);
  CHECK(up.peak_bytes / kMiB < 256);
  const Exit down = run_within(user, {"cp", "-p", "16", "sj://bucket/object", user.path("back")});
  CAPTURE(down.err);
  REQUIRE(down.code == 0);
  CHECK(down.peak_bytes / kMiB < 256);
  CHECK(same_content(file, user.path("back")));
  check_limits_were_fresh(network);
}

TEST_CASE("At 29 of 80, ten nodes of every kind of misbehaviour do no harm", "[full_scheme]") {
  LocalNetwork network(kNetwork);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  const std::vector<Json> faults{{{"down", true}},
                                 {{"refuse", true}},
                                 {{"wrong_identity", true}},
                                 {{"stall_after", 50'000}},
                                 {{"bytes_per_second", 200'000}},
                                 {{"flip", true}},
                                 {{"short_after", 3000}},
                                 {{"wrong_hash", true}},
                                 {{"bad_signature", true}},
                                 {{"status", {{"code", 2}, {"text", "no"}}}}};
  for (size_t i = 0; i < faults.size(); ++i) {
    network.control({{"op", "node"}, {"nodes", i}, {"faults", faults[i]}});
  }
  const Exit up = user.run({"cp", file, "sj://bucket/new"});
  CAPTURE(up.err);
  CHECK(up.code == 0);
  CHECK(up.time < 5s);
  for (const std::string key : {"object", "new"}) {
    const Exit down = user.run({"cp", "sj://bucket/" + key, user.path("back")});
    CAPTURE(down.err);
    CHECK(down.code == 0);
    CHECK(down.time < 20s);
    CHECK(same_content(file, user.path("back")));
  }
  check_limits_were_fresh(network);
}
