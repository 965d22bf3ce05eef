// Lost answers, statuses that pass, and a satellite that restarts: no command fails for it, and nothing is
// done twice.  tests/core/flow has how long things take, in virtual time; here outages are short.
#include <csignal>
#include <memory>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;

namespace {

constexpr int kRestart = 1500;  // ms: below the time after which a person is told

struct Bench {
  Bench()
      : user(network), small(user.make_file("tree/small", 1000)), file(user.make_file("file", 300'000, 2)) {
    user.must({"mb", "sj://bucket"});
    user.must({"cp", file, "sj://bucket/object"});
    user.must({"cp", small, "sj://bucket/tree/small"});
  }

  // Without a word, and with nothing left pending.
  void must(const Command& command) {
    const Exit exit = Child(command).finish();
    CAPTURE(command.args, exit.err);
    CHECK(exit.code == 0);
    CHECK(exit.err.empty());
    CHECK(user.list({"--pending", "-r", "sj://bucket/"}).empty());
  }
  void must(std::vector<std::string> args) { must(user.command(std::move(args))); }

  void check_object(const std::string& key, const std::string& content) const {
    const std::string back = user.path("back");
    user.must({"cp", "sj://bucket/" + key, back});
    CHECK(same_content(content, back));
  }

  // The same for a pipe.
  Command piped(const std::string& path, const std::string& to) const {
    Command command = user.command({"cp", "-", to});
    command.input_file = path;
    return command;
  }

  LocalNetwork network;
  const User user;
  const std::string small;
  const std::string file;
};

Json lost(const std::string& method, const std::string& drop) {
  return {{"op", "satellite"}, {"method", method}, {"drop", drop}};
}

}  // namespace

TEST_CASE("One lost answer of an upload is found out about, and the upload goes on", "[outage]") {
  Bench b;
  for (const std::string drop : {"before", "after"}) {
    for (const std::string method : {"BeginObject", "BeginSegment", "CommitSegment", "CommitObject"}) {
      CAPTURE(drop, method);
      b.network.control(lost(method, drop));
      b.must({"cp", b.file, "sj://bucket/new"});
      b.check_object("new", b.file);
      b.network.control(lost(method, drop));
      b.must(b.piped(b.file, "sj://bucket/piped"));
      b.check_object("piped", b.file);
    }
    // The network takes the three of an inline object as one.
    for (const std::string method : {"CompressedBatch", drop == "before" ? "BeginObject" : "CommitObject"}) {
      CAPTURE(drop, method);
      b.network.control(lost(method, drop));
      b.must({"cp", b.small, "sj://bucket/inline"});
      b.check_object("inline", b.small);
      b.network.control(lost(method, drop));
      b.must(b.piped(b.small, "sj://bucket/inline"));
      b.network.control(lost(method, drop));
      b.must({"cp", "-r", b.user.path("tree"), "sj://bucket/up/"});
    }
  }
}

TEST_CASE("A commit whose answer was lost is not sent again once its object is there", "[outage]") {
  Bench b;
  b.network.control(lost("CommitObject", "after"));
  const uint64_t before = b.network.calls("CommitObject");
  b.must({"cp", b.file, "sj://bucket/new"});
  CHECK(b.network.calls("CommitObject") == before + 1);
  const uint64_t begun = b.network.calls("BeginObject");
  b.network.control(lost("BeginObject", "after"));
  b.must({"cp", b.file, "sj://bucket/other"});
  CHECK(b.network.calls("BeginObject") == begun + 1);
}

TEST_CASE("One lost answer fails no other command", "[outage]") {
  Bench b;
  struct Case {
    std::string method;
    std::vector<std::string> args;
  };
  const std::vector<Case> cases = {
      {"ListBuckets", {"ls"}},
      {"ListObjects", {"ls", "sj://bucket/"}},
      {"GetObject", {"stat", "sj://bucket/object"}},
      {"DownloadObject", {"cp", "sj://bucket/object", b.user.path("back")}},
      {"ListObjects", {"cp", "-r", "sj://bucket/tree/", b.user.path("down")}},
      {"DownloadObject", {"cp", "-r", "sj://bucket/tree/", b.user.path("again")}},
      {"BeginCopyObject", {"cp", "sj://bucket/object", "sj://bucket/copy"}},
      {"FinishCopyObject", {"cp", "sj://bucket/object", "sj://bucket/copy"}},
      {"BeginDeleteObject", {"rm", "sj://bucket/copy"}},
      {"CreateBucket", {"mb", "sj://another"}},
      {"DeleteBucket", {"rb", "sj://another"}},
      {"DeleteObjects", {"rm", "-r", "sj://bucket/tree/"}},
  };
  for (const std::string drop : {"before", "after"}) {
    for (const auto& [method, args] : cases) {
      CAPTURE(drop, method);
      b.user.must({"cp", b.small, "sj://bucket/tree/small"});
      b.network.control(lost(method, drop));
      b.must(args);
    }
  }
  CHECK(same_content(b.file, b.user.path("back")));
}

TEST_CASE("What passes by itself is asked again, and fails nothing", "[outage]") {
  Bench b;
  for (const uint64_t code : {2, 13, 14}) {
    for (const std::string method : {"BeginObject", "BeginSegment", "CommitSegment", "CommitObject"}) {
      CAPTURE(code, method);
      b.network.fail_calls(method, code, "for a moment", 1);
      b.must({"cp", b.file, "sj://bucket/new"});
      b.check_object("new", b.file);
    }
    for (const std::string method : {"DownloadObject", "ListObjects", "BeginDeleteObject"}) {
      CAPTURE(code, method);
      b.user.must({"cp", b.small, "sj://bucket/gone"});
      b.network.fail_calls(method, code, "for a moment", 1);
      if (method == "DownloadObject") b.must({"cp", "sj://bucket/object", b.user.path("back")});
      if (method == "ListObjects") b.must({"ls", "sj://bucket/"});
      if (method == "BeginDeleteObject") b.must({"rm", "sj://bucket/gone"});
    }
  }
}

TEST_CASE("A satellite that restarts as a command begins is waited for", "[outage]") {
  Bench b;
  const std::string large = b.user.make_file("large", 70'000'000, 3);
  const std::vector<std::vector<std::string>> commands = {
      {"cp", large, "sj://bucket/large"},
      {"cp", b.small, "sj://bucket/inline"},
      {"cp", "-r", b.user.path("tree"), "sj://bucket/up/"},
      {"cp", "sj://bucket/object", b.user.path("back")},
      {"cp", "-r", "sj://bucket/tree/", b.user.path("down")},
      {"cp", "sj://bucket/object", "sj://bucket/copy"},
      {"ls"},
      {"ls", "-r", "sj://bucket/"},
      {"stat", "sj://bucket/object"},
      {"rm", "sj://bucket/copy"},
      {"rm", "-r", "sj://bucket/up/"},
      {"mb", "sj://another"},
      {"rb", "sj://another"},
  };
  for (const auto& args : commands) {
    CAPTURE(args);
    b.network.control({{"op", "satellite"}, {"restart_after_ms", kRestart}});
    const Exit exit = b.user.run(args);
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(exit.time < 10s);
  }
  b.network.control({{"op", "satellite"}, {"restart_after_ms", kRestart}});
  b.must(b.piped(b.file, "sj://bucket/piped"));
  b.check_object("piped", b.file);
}

TEST_CASE("A satellite that restarts in the middle of a transfer is waited for", "[outage]") {
  Bench b;
  const std::string large = b.user.make_file("large", 200'000'000, 3);
  const auto restart_at = [&](const std::string& method, uint64_t calls, Child& child) {
    const uint64_t before = b.network.calls(method);
    REQUIRE(child.wait_until([&] { return b.network.calls(method) >= before + calls; }));
    b.network.control({{"op", "satellite"}, {"restart_after_ms", kRestart}});
  };
  for (const std::string method : {"BeginObject", "CommitSegment"}) {
    CAPTURE(method);
    Child up(b.user.command({"cp", "-p", "2", large, "sj://bucket/large"}));
    restart_at(method, 1, up);
    const Exit exit = up.finish();
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
  }
  CHECK(b.user.list({"--pending", "-r", "sj://bucket/"}).empty());
  Child down(b.user.command({"cp", "-p", "1", "sj://bucket/large", b.user.path("back")}));
  restart_at("DownloadObject", 1, down);
  const Exit exit = down.finish();
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(same_content(large, b.user.path("back")));
}

TEST_CASE("A satellite that stays away is told of once, and ends with its own error", "[outage]") {
  Bench b;
  Command command = b.user.command({"cp", "-r", b.user.path("tree"), "sj://bucket/up/"});
  command.env["SJCP_RETRY_TIME"] = "5s";
  command.limit = 100s;
  b.network.control({{"op", "satellite"}, {"down", true}});
  const Exit exit = Child(command).finish();
  CAPTURE(exit.err);
  CHECK(exit.code != 0);
  CHECK(exit.code != 130);
  CHECK(exit.err.find("refused") != std::string::npos);
  const size_t told = exit.err.find("trying again until");
  CHECK(told != std::string::npos);
  CHECK(exit.err.find("trying again until", told + 1) == std::string::npos);
}

TEST_CASE("A status that stays ends with 5, and never as an interruption", "[outage]") {
  Bench b;
  for (const uint64_t code : {2, 13, 14}) {
    CAPTURE(code);
    Command command = b.user.command({"cp", b.file, "sj://bucket/new"});
    command.env["SJCP_RETRY_TIME"] = "0";
    b.network.fail_calls("BeginObject", code, "for ever", 1'000'000);
    const Exit exit = Child(command).finish();
    check_failure(exit, 5, "for ever");
    b.network.clear_faults();
  }
}

TEST_CASE("A network that is frozen as a whole ends every command", "[outage]") {
  Bench b;
  const std::string large = b.user.make_file("large", 20'000'000, 3);
  b.user.must({"cp", large, "sj://bucket/large"});
  b.network.fault_all({{"bytes_per_second", 500'000}});
  const auto start = [&](std::vector<std::string> args) {
    Command command = b.user.command(std::move(args));
    command.env["SJCP_RETRY_TIME"] = "5s";
    command.limit = 200s;
    return std::make_unique<Child>(std::move(command));
  };
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(start({"cp", large, "sj://bucket/up"}));
  children.push_back(start({"cp", "sj://bucket/large", b.user.path("back")}));
  REQUIRE(children[0]->wait_until([&] { return b.network.total("uploads_begun") > 10; }));
  REQUIRE(children[1]->wait_until([&] { return b.network.total("downloads_begun") > 0; }));
  ::kill(b.network.pid(), SIGSTOP);
  children.push_back(start({"ls", "sj://bucket/"}));
  children.push_back(start({"cp", b.small, "sj://bucket/new"}));
  children.push_back(start({"cp", "sj://bucket/object", b.user.path("other")}));
  for (auto& child : children) {
    const Exit exit = child->finish();
    CAPTURE(exit.err);
    CHECK(exit.code == 5);
    // What the manual says, with less patience.
    CHECK(exit.time < 110s);
  }
  ::kill(b.network.pid(), SIGCONT);
}

TEST_CASE("A satellite that takes a question and is silent is asked over another connection", "[outage]") {
  Bench b;
  // The time of a test that waits for a silence is its own: one is enough.
  b.network.control({{"op", "satellite"}, {"method", "ListObjects"}, {"silent", true}, {"count", 1}});
  const Exit exit = b.user.run({"ls", "sj://bucket/"});
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(exit.time > 25s);
  CHECK(exit.time < 45s);
}
