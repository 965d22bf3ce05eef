// SIGINT: exit 130 at once, nothing half-written under a final name, nothing left pending.
#include <csignal>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

// The time that the child takes to end from now on.
struct Ending {
  explicit Ending(Child& child) : begin(Steady::now()), exit(child.finish()), time(Steady::now() - begin) {}
  Steady::time_point begin;
  Exit exit;
  Steady::duration time;
};

bool has_children(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::string word;
  return static_cast<bool>(in >> word);
}

}  // namespace

TEST_CASE("SIGINT in the middle of a download ends it and leaves the file there alone", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 10'000'000), "sj://bucket/object"});
  const std::string kept = user.make_file("kept", 500, 7);
  const std::string copy = user.make_file("copy", 500, 7);
  network.fault_all({{"stall_after", 500'000}});
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const uint64_t begun = network.total("downloads_begun");
    Child child(user.command({"cp", "--no-resume", "sj://bucket/object", kept}));
    REQUIRE(child.wait_until([&] { return network.total("downloads_begun") >= begun + 5; }));
    CHECK_FALSE(has_children(child.pid()));
    child.signal(number);
    const Ending ending(child);
    check_failure(ending.exit, 128 + number, "interrupted");
    CHECK(ending.time < 1500ms);
    CHECK(same_content(kept, copy));
    CHECK(temporary_files(user.folder.path()).empty());
  }
}

TEST_CASE("A signal that the parent ignores stays ignored", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 10'000'000), "sj://bucket/object"});
  network.fault_all({{"stall_after", 500'000}});
  Command command = user.command(
      {"-c", "trap '' INT HUP; exec \"$0\" cp --progress=json --no-resume sj://bucket/object copy",
       SJCP_SJCP});
  command.program = "/bin/bash";
  Child child(command);
  REQUIRE(child.wait_until([&] { return network.total("downloads_begun") >= 5; }));
  child.signal(SIGINT);
  child.signal(SIGHUP);
  child.signal(SIGTERM);
  const Ending ending(child);
  CHECK(ending.exit.code == 143);
  CHECK(ending.exit.err.find("\"exit_code\":143") != std::string::npos);
}

TEST_CASE("SIGINT in the middle of an upload removes what is pending", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000'000);
  network.fault_all({{"stall_after", 500'000}});
  Child child(user.command({"cp", file, "sj://bucket/object"}));
  REQUIRE(child.wait_until([&] { return network.total("uploads_begun") >= 10; }));
  CHECK(user.list({"--pending", "sj://bucket/"}).size() == 1);
  child.signal(SIGINT);
  const Ending ending(child);
  check_failure(ending.exit, 130, "interrupted");
  CHECK(ending.time < 1500ms);
  CHECK(user.list({"--pending", "sj://bucket/"}).empty());
  CHECK(user.list({"sj://bucket/"}).empty());
}

TEST_CASE("SIGINT ends an upload that waits for standard input", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  Command command = user.command({"cp", "-", "sj://bucket/object"});
  command.input = "some bytes";
  command.keep_input_open = true;
  Child child(command);
  // Nothing shows from outside that it has read them; that it runs with its handler does.
  REQUIRE(child.wait_until([&] {
    std::ifstream status("/proc/" + std::to_string(child.pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigBlk:"))
        return line.find_first_not_of("0", line.find_first_of('\t') + 1) != std::string::npos;
    }
    return false;
  }));
  child.signal(SIGINT);
  const Ending ending(child);
  check_failure(ending.exit, 130, "interrupted");
  CHECK(ending.time < 1500ms);
  CHECK(user.list({"--pending", "sj://bucket/"}).empty());
}

TEST_CASE("SIGINT ends a copy of many files once", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (int i = 0; i < 20; ++i) user.make_file("tree/" + std::to_string(i), 1'000'000);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/"});
  network.fault_all({{"stall_after", 100'000}});
  Child child(user.command({"cp", "-r", "-t", "4", "sj://bucket/", user.path("back")}));
  REQUIRE(child.wait_until([&] { return network.total("downloads_begun") >= 10; }));
  child.signal(SIGINT);
  const Ending ending(child);
  check_failure(ending.exit, 130, "interrupted");
  CHECK(ending.time < 1500ms);
  CHECK(temporary_files(user.folder.path()).empty());
}

TEST_CASE("A second SIGINT does not wait for the clean-up", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  network.fault_all({{"stall_after", 500'000}});
  Child child(user.command({"cp", user.make_file("file", 10'000'000), "sj://bucket/object"}));
  REQUIRE(child.wait_until([&] { return network.total("uploads_begun") >= 10; }));
  // The clean-up asks the satellite, which does not answer.
  ::kill(network.pid(), SIGSTOP);
  child.signal(SIGINT);
  REQUIRE(child.wait_until([&] { return child.signals_taken(); }));
  child.signal(SIGINT);
  const Ending ending(child);
  ::kill(network.pid(), SIGCONT);
  CHECK(ending.exit.code == 130);
  CHECK(ending.time < 1s);
}

TEST_CASE("One SIGINT ends an upload even when the satellite does not answer", "[interruption]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  network.fault_all({{"stall_after", 500'000}});
  Child child(user.command({"cp", user.make_file("file", 10'000'000), "sj://bucket/object"}));
  REQUIRE(child.wait_until([&] { return network.total("uploads_begun") >= 10; }));
  ::kill(network.pid(), SIGSTOP);
  child.signal(SIGINT);
  const Ending ending(child);
  ::kill(network.pid(), SIGCONT);
  CHECK(ending.exit.code == 130);
  CHECK(ending.time < 12s);
}
