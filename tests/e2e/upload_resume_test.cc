// Uploads that are killed or interrupted, and the runs after them.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kSegment = 64 * kMiB;
// Three whole segments and an inline remainder.
constexpr uint64_t kSize = 3 * kSegment + 1000;

Json last_event(const std::string& err, const std::string& name) {
  Json found;
  std::istringstream in(err);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("event", "") == name) found = json;
  }
  return found;
}

struct Upload {
  explicit Upload(uint64_t size = kSize) : user(network) {
    user.must({"mb", "sj://bucket"});
    file = user.make_file("file", size);
    state = user.path("state");
  }

  Command command(std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"cp", "--progress=json", "-p", "1"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.end(), {file, "sj://bucket/object"});
    Command out = user.command(args);
    out.env["XDG_STATE_HOME"] = state;
    return out;
  }
  // Starts an upload and stops it once `segments` are on the satellite's record, and known to be: a piece of
  // the next is under way, which the answer that confirms the last one comes before.
  Exit stop_after(uint64_t segments, int signal) {
    const uint64_t commits = network.calls("CommitSegment");
    const uint64_t pieces = network.total("uploads_begun");
    Child child(command());
    REQUIRE(child.wait_until(
        [&] { return network.total("uploads_begun") > pieces + segments * network.nodes(); }));
    CHECK(network.calls("CommitSegment") >= commits + segments);
    child.signal(signal);
    return child.finish();
  }
  // Runs to the end; its summary.
  Json complete(std::vector<std::string> more = {}) {
    const Exit exit = Child(command(std::move(more))).finish();
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    user.must({"cp", "sj://bucket/object", user.path("back")});
    CHECK(same_content(user.path("back"), file));
    CHECK(pending() == 0);
    CHECK(remembered().empty());
    return last_event(exit.err, "summary");
  }
  size_t pending() const { return user.list({"--pending", "sj://bucket/"}).size(); }
  // Files that unfinished uploads have left.
  std::vector<std::string> remembered() const {
    std::vector<std::string> out;
    if (!exists(state + "/sjcp/uploads")) return out;
    for (const auto& entry : std::filesystem::directory_iterator(state + "/sjcp/uploads")) {
      out.push_back(entry.path());
    }
    return out;
  }
  // The journal that a stopped upload left, without the lock of a killed one.
  std::string journal() const {
    for (const auto& path : remembered()) {
      if (!path.ends_with(".lock") && !path.ends_with(".begun")) return path;
    }
    return "";
  }

  LocalNetwork network;
  const User user;
  std::string file;
  std::string state;
};

}  // namespace

TEST_CASE("A killed upload goes on with the segments that it lacks", "[resume]") {
  Upload up;
  CHECK(up.stop_after(2, SIGKILL).code == 128 + SIGKILL);
  CHECK(up.pending() == 1);
  REQUIRE(exists(up.journal()));
  const uint64_t begins = up.network.calls("BeginSegment");
  const Json summary = up.complete();
  CHECK(summary["bytes"] == kSize);
  CHECK(summary["bytes_resumed"] == 2 * kSegment);
  CHECK(up.network.calls("BeginSegment") == begins + 1);
}

TEST_CASE("SIGINT ends an upload softly, and the next run goes on", "[resume]") {
  Upload up;
  up.network.fault_all({{"bytes_per_second", 8'000'000}});
  const Exit exit = up.stop_after(1, SIGINT);
  CHECK(exit.code == 130);
  CHECK(last_event(exit.err, "error")["message"] == "interrupted; the same command goes on from there");
  CHECK(up.pending() == 1);
  up.network.clear_faults();
  CHECK(up.complete()["bytes_resumed"] == kSegment);
}

TEST_CASE("An upload that fails in the middle goes on when the network is well again", "[resume]") {
  Upload up;
  const uint64_t begins = up.network.calls("BeginSegment");
  up.network.fault_all({{"bytes_per_second", 8'000'000}});
  Child child(up.command());
  REQUIRE(child.wait_until([&] { return up.network.calls("BeginSegment") > begins + 1; }));
  up.network.fault_all({{"down", true}});
  const Exit exit = child.finish();
  CHECK(exit.code == 5);
  CHECK(exit.err.find("are stored: the same command goes on from there") != std::string::npos);
  up.network.clear_faults();
  CHECK(up.complete()["bytes_resumed"] == kSegment);
}

TEST_CASE("A source that has changed is sent anew, and what was pending is removed", "[resume]") {
  Upload up;
  up.stop_after(1, SIGKILL);
  up.user.make_file("file", kSize, 2);
  CHECK(up.complete()["bytes_resumed"] == 0);
}

TEST_CASE("--no-resume sends everything anew and leaves nothing pending", "[resume]") {
  Upload up;
  up.stop_after(1, SIGKILL);
  CHECK(up.complete({"--no-resume"})["bytes_resumed"] == 0);
}

TEST_CASE("A damaged journal of an upload is ignored", "[resume]") {
  Upload up;
  up.stop_after(1, SIGKILL);
  const std::string journal = up.journal();
  std::filesystem::resize_file(journal, file_size(journal) - 1);
  const Exit exit = Child(up.command()).finish();
  CHECK(exit.code == 0);
  CHECK(last_event(exit.err, "summary")["bytes_resumed"] == 0);
  CHECK(up.remembered().empty());
}

TEST_CASE("An upload that is no longer pending is sent anew", "[resume]") {
  Upload up;
  up.stop_after(2, SIGKILL);
  // Somebody else finished another object of that name, and the satellite forgot the pending one.
  up.user.must({"rb", "--force", "sj://bucket"});
  up.user.must({"mb", "sj://bucket"});
  CHECK(up.complete()["bytes_resumed"] == 0);
}

TEST_CASE("A second process that uploads to the same object is refused at once", "[resume]") {
  Upload up;
  up.network.fault_all({{"bytes_per_second", 8'000'000}});
  const uint64_t begins = up.network.calls("BeginSegment");
  Child first(up.command());
  REQUIRE(first.wait_until([&] { return up.network.calls("BeginSegment") > begins; }));
  Command again = up.user.command({"cp", up.file, "sj://bucket/object"});
  again.env["XDG_STATE_HOME"] = up.state;
  check_failure(Child(again).finish(), 9, "another upload to it is running");
  up.network.clear_faults();
  CHECK(first.finish().code == 0);
  CHECK(up.remembered().empty());
}

TEST_CASE("An upload goes on as before where nothing can be remembered", "[resume]") {
  Upload up(2 * kSegment);
  std::ofstream(up.state) << "not a folder";
  Command command = up.command();
  CHECK(Child(command).finish().code == 0);
}
