// cp that goes on, starts over, or leaves destinations alone.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>

#include "core/base/units.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
namespace fs = std::filesystem;

namespace {

constexpr size_t kSize = 9 << 20;

std::string numbered(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  return bytes;
}

// A large object of 9 segments, of which 4 arrive before a network error.
struct Interrupted {
  Interrupted() {
    world.cloud.buckets["bucket"]["key"] = {numbered(kSize), {}, {}};
    world.cloud.segment_size = kMiB;
    fail_from(4);
    const auto failed = world.run({"cp", "-p", "1", "sj://bucket/key", world.folder / "d/out"});
    CHECK(failed.code == 5);
    CHECK(failed.err.find("4.00 MiB are kept: the same command goes on from there") != std::string::npos);
    world.cloud.fail.clear();
    fetches = 0;
    world.cloud.on_fetch = [this] { ++fetches; };
  }
  void fail_from(int count) {
    fs::create_directory(world.folder / "d");
    world.cloud.on_fetch = [this, count] {
      if (++fetches > count) world.cloud.fail["fetch key"] = make_error(Errc::kNetwork, "lost");
    };
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(world.folder / "d")) out.insert(entry.path().filename());
    return out;
  }

  World world;
  std::atomic<int> fetches = 0;  // segments of a download are fetched by several threads
};

// Sets the time of the last change, in seconds from when the fake cloud's objects were created.
void set_changed(const World& world, const std::string& path, int64_t seconds) {
  const auto created = std::chrono::floor<std::chrono::seconds>(world.cloud.created).time_since_epoch();
  const timespec time{created.count() + seconds, 0};
  const timespec times[2] = {time, time};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

}  // namespace

TEST_CASE("cp goes on where a failed cp ended, and says how much was there") {
  Interrupted at;
  World& world = at.world;
  CHECK(at.names() == std::set<std::string>{".out.sjcp-part", ".out.sjcp-journal"});
  auto copied = world.run({"cp", "--progress=json", "sj://bucket/key", world.folder / "d/out"});
  CHECK(copied.code == 0);
  CHECK(at.fetches == 5);
  CHECK(at.names() == std::set<std::string>{"out"});
  CHECK(read_file(world.folder / "d/out") == numbered(kSize));
  const auto events = copied.err_json();
  CHECK(events.back()["bytes"] == kSize);
  CHECK(events.back()["bytes_resumed"] == 4 * kMiB);
  for (const auto& event : events) {
    if (event["event"] == "file") CHECK(event["bytes_resumed"] == 4 * kMiB);
  }
}

TEST_CASE("cp refuses to go on with another version of the object, unless told to start over") {
  Interrupted at;
  World& world = at.world;
  world.cloud.version = "v2";
  const auto refused = world.run({"cp", "sj://bucket/key", world.folder / "d/out"});
  CHECK(refused.code == 9);
  CHECK(refused.err.find("sj://bucket/key has changed") != std::string::npos);
  CHECK(refused.err.find("--no-resume") != std::string::npos);
  CHECK(at.names() == std::set<std::string>{".out.sjcp-part", ".out.sjcp-journal"});
  CHECK(world.run({"cp", "--no-resume", "sj://bucket/key", world.folder / "d/out"}).code == 0);
  CHECK(at.fetches == 9);
  CHECK(at.names() == std::set<std::string>{"out"});
}

TEST_CASE("cp --no-resume leaves nothing behind when it fails") {
  Interrupted at;
  World& world = at.world;
  at.fetches = 0;
  at.fail_from(4);
  const auto failed = world.run({"cp", "-p", "1", "--no-resume", "sj://bucket/key", world.folder / "d/out"});
  CHECK(failed.code == 5);
  CHECK(failed.err.find("kept") == std::string::npos);
  CHECK(at.names().empty());
}

TEST_CASE("An interrupted cp says that the same command goes on") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {numbered(kSize), {}, {}};
  world.cloud.segment_size = kMiB;
  std::atomic<int> fetches = 0;  // segments of a download are fetched by several threads
  world.cloud.on_fetch = [&] {
    if (++fetches == 3) world.stop.request_stop();
  };
  const auto stopped = world.run({"cp", "-p", "1", "sj://bucket/key", world.folder / "out"});
  CHECK(stopped.code == 130);
  CHECK(stopped.err == "sjcp: interrupted; the same command goes on from there\n");
}

TEST_CASE("cp --no-clobber leaves alone what exists, on either side") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {"new a", {}, {}}}, {"p/b", {"new b", {}, {}}}};
  fs::create_directory(world.folder / "d");
  write_file(world.folder / "d/a", "old");
  auto copied =
      world.run({"cp", "-r", "--no-clobber", "--progress=json", "sj://bucket/p/", world.folder / "d"});
  CHECK(copied.code == 0);
  CHECK(read_file(world.folder / "d/a") == "old");
  CHECK(read_file(world.folder / "d/b") == "new b");
  const auto down = copied.err_json().back();
  CHECK(down["skipped"] == 1);
  CHECK(down["files"] == 1);
  CHECK(down["failed"] == 0);

  write_file(world.folder / "d/c", "new c");
  copied = world.run({"cp", "-r", "--no-clobber", "--progress=json", world.folder / "d", "sj://bucket/p/"});
  CHECK(copied.code == 0);
  CHECK(world.cloud.buckets["bucket"]["p/a"].bytes == "new a");
  CHECK(world.cloud.buckets["bucket"]["p/c"].bytes == "new c");
  CHECK(copied.err_json().back()["skipped"] == 2);
}

TEST_CASE("cp --if-changed skips what has the same size and is not older at the destination") {
  struct Case {
    const char* there;
    int64_t changed;  // seconds after the object was created
    bool down_skipped;
    bool up_skipped;
  };
  for (const Case& c :
       {Case{"12345", 10, true, false}, Case{"12345", -10, false, true}, Case{"12345", 0, true, true},
        Case{"123456", 10, false, false}, Case{"123456", -10, false, false}}) {
    for (const bool recursive : {false, true}) {
      CAPTURE(c.there, c.changed, recursive);
      World world;
      world.cloud.buckets["bucket"]["p/key"] = {"abcde", {}, {}};
      fs::create_directory(world.folder / "d");
      const std::string file = world.folder / "d/key";
      write_file(file, c.there);
      set_changed(world, file, c.changed);
      const auto copy = [&](const std::string& object, const std::string& path, bool up) {
        std::vector<std::string> args{"cp", "--if-changed", "--progress=json"};
        if (recursive) args.push_back("-r");
        args.push_back(up ? path : object);
        args.push_back(up ? object : path);
        const auto copied = world.run(args);
        CHECK(copied.code == 0);
        return copied.err_json().back()["skipped"] == 1;
      };
      CHECK(copy(recursive ? "sj://bucket/p/" : "sj://bucket/p/key", recursive ? world.folder / "d" : file,
                 true) == c.up_skipped);
      CHECK((world.cloud.buckets["bucket"]["p/key"].bytes == "abcde") == c.up_skipped);
      world.cloud.buckets["bucket"]["p/key"].bytes = "abcde";
      CHECK(copy(recursive ? "sj://bucket/p/" : "sj://bucket/p/key", recursive ? world.folder / "d" : file,
                 false) == c.down_skipped);
      CHECK((read_file(file) == c.there) == c.down_skipped);
    }
  }
}
