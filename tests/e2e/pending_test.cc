// What killed uploads leave at the satellite, and who removes it.
#include <csignal>

#include <filesystem>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

struct Bench {
  Bench() : user(network) {
    user.must({"mb", "sj://bucket"});
    // Nodes that take nothing: uploads stay where they are.
    network.fault_all({{"stall_after", 0}});
  }
  std::vector<Json> pending() const { return user.list({"--pending", "-r", "sj://bucket/"}); }
  std::vector<std::string> notes() const {
    std::vector<std::string> out;
    for (const auto& each :
         std::filesystem::directory_iterator(user.folder / "home/.local/state/sjcp/uploads")) {
      out.push_back(each.path().filename());
    }
    return out;
  }
  // Runs until the upload is pending, and is killed.
  void kill(const Command& command) {
    const uint64_t before = network.calls("BeginObject");
    Child child(command);
    REQUIRE(child.wait_until([&] { return network.calls("BeginObject") > before; }));
    child.signal(SIGKILL);
    child.finish();
  }

  // One that takes checksums begins an object at the first call.
  LocalNetwork network{{"--checksums", "on"}};
  const User user;
};

}  // namespace

TEST_CASE("What a killed upload began is removed by the next command that talks to the satellite",
          "[pending]") {
  Bench b;
  const std::string file = b.user.make_file("tree/file", 300'000);
  Command piped = b.user.command({"cp", "-", "sj://bucket/piped"});
  piped.input_file = file;
  for (const Command& command : {b.user.command({"cp", file, "sj://bucket/one"}), piped,
                                 b.user.command({"cp", "-r", b.user.path("tree"), "sj://bucket/up/"})}) {
    b.kill(command);
    CHECK(b.notes().size() == 1);
    CHECK(b.pending().size() == 1);  // and this was that next command
    CHECK(b.pending().empty());
    CHECK(b.notes().empty());
  }
}

TEST_CASE("What was begun without an answer is found by its mark, and others' uploads stay", "[pending]") {
  Bench b;
  const std::string file = b.user.make_file("file", 300'000);
  // Somebody else's, to the same key, from another home.
  User other(b.network);
  b.kill(other.command({"cp", file, "sj://bucket/key"}));
  b.network.control({{"op", "satellite"}, {"method", "BeginSegment"}, {"silent", true}, {"count", 1}});
  b.kill(b.user.command({"cp", file, "sj://bucket/key"}));
  CHECK(b.notes().size() == 1);
  b.user.must({"ls"});
  CHECK(b.notes().empty());
  CHECK(b.pending().size() == 1);
  other.must({"ls"});
  CHECK(b.pending().empty());
}

TEST_CASE("A bucket that goes during an upload ends it, and nothing is taken for stored", "[pending]") {
  Bench b;
  Child child(b.user.command({"cp", b.user.make_file("file", 300'000), "sj://bucket/key"}));
  REQUIRE(child.wait_until([&] { return b.network.calls("BeginObject") > 0; }));
  b.user.must({"rb", "--force", "sj://bucket"});
  b.network.fault_all(Json::object());
  const Exit exit = child.finish();
  CAPTURE(exit.err);
  CHECK(exit.code == 3);
  b.user.must({"mb", "sj://bucket"});
  CHECK(b.user.list({"-r", "sj://bucket/"}).empty());
}

TEST_CASE("A run that lives keeps what it has begun", "[pending]") {
  Bench b;
  const std::string file = b.user.make_file("file", 300'000);
  Child child(b.user.command({"cp", file, "sj://bucket/key"}));
  REQUIRE(child.wait_until([&] { return b.network.calls("BeginObject") > 0; }));
  b.user.must({"ls"});
  CHECK(b.pending().size() == 1);
  b.network.clear_faults();
  b.network.fault_all(Json::object());
  child.signal(SIGTERM);
  child.finish();
  CHECK(b.pending().empty());
  CHECK(b.notes().empty());
}

TEST_CASE("rm --pending removes unfinished uploads of a key, or below a prefix", "[pending]") {
  Bench b;
  const std::string file = b.user.make_file("file", 300'000);
  const User other(b.network);
  for (const std::string key : {"a/one", "a/two", "b", "b"}) {
    b.kill(other.command({"cp", file, "sj://bucket/" + key}));
    std::filesystem::remove_all(other.folder / "home/.local");
  }
  CHECK(b.pending().size() == 4);
  CHECK(b.user.must({"rm", "--pending", "sj://bucket/b"}) ==
        "removed the unfinished upload of sj://bucket/b\n");
  CHECK(b.pending().size() == 2);
  CHECK(b.user.must({"rm", "--pending", "-r", "sj://bucket/a/"}).find("sj://bucket/a/two") !=
        std::string::npos);
  CHECK(b.pending().empty());
}
