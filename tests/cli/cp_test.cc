#include <sys/stat.h>

#include <filesystem>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
namespace fs = std::filesystem;

namespace {

std::string numbered(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 31 >> 3));
  return bytes;
}

}  // namespace

TEST_CASE("cp downloads an object into a file, silently when there is no terminal") {
  World world;
  std::string bytes = numbered(4321);
  world.cloud.buckets["bucket"]["dir/key"] = {bytes, {}, {}};
  auto copied = world.run({"cp", "sj://bucket/dir/key", world.folder / "out"});
  CHECK(copied.code == 0);
  CHECK(copied.out.empty());
  CHECK(copied.err.empty());
  CHECK(read_file(world.folder / "out") == bytes);
  CHECK(world.cloud.options.user_agent.starts_with("sjcp/"));
}

TEST_CASE("cp into a folder keeps the last component of the key") {
  World world;
  world.cloud.buckets["bucket"]["dir/key"] = {"x", {}, {}};
  fs::create_directory(world.folder / "d");
  CHECK(world.run({"cp", "sj://bucket/dir/key", world.folder / "d"}).code == 0);
  CHECK(read_file(world.folder / "d/key") == "x");
  CHECK(world.run({"cp", "sj://bucket/dir/key", world.folder / "d/"}).code == 0);
}

TEST_CASE("cp uploads a file with metadata and expiry, and into a prefix under its own name") {
  World world;
  world.cloud.buckets["bucket"];
  write_file(world.folder / "file", "content");
  CHECK(world
            .run({"cp", "--metadata", R"({"a":"b","c":"d"})", "--expires", "+24h", world.folder / "file",
                  "sj://bucket/some/key"})
            .code == 0);
  const auto& object = world.cloud.buckets["bucket"]["some/key"];
  CHECK(object.bytes == "content");
  CHECK(object.metadata == std::map<std::string, std::string>{{"a", "b"}, {"c", "d"}});
  CHECK(object.expires == storj::Time(std::chrono::seconds(1'714'564'800 + 86'400)));
  CHECK(world.run({"cp", world.folder / "file", "sj://bucket/prefix/"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].count("prefix/file") == 1);
  CHECK(world.run({"cp", world.folder / "file", "sj://bucket"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].count("file") == 1);
}

TEST_CASE("cp reads stdin and writes stdout") {
  World world;
  world.cloud.buckets["bucket"];
  world.in = numbered(2500);
  CHECK(world.run({"cp", "-", "sj://bucket/key"}).code == 0);
  CHECK(world.cloud.buckets["bucket"]["key"].bytes == world.in);
  CHECK(world.run({"cp", "-p", "3", "sj://bucket/key", "-"}).code == 0);
  CHECK(world.piped == world.in);
}

TEST_CASE("cp from and to a key that ends in a slash takes it as it is") {
  World world;
  world.cloud.buckets["bucket"];
  world.in = "content";
  CHECK(world.run({"cp", "-", "sj://bucket/key/"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].count("key/") == 1);
  CHECK(world.run({"cp", "sj://bucket/key/", "-"}).code == 0);
  CHECK(world.piped == "content");
  CHECK(world.run({"cp", "sj://bucket/key/", world.folder / "out"}).code == 0);
  CHECK(read_file(world.folder / "out") == "content");
}

TEST_CASE("cp --range downloads a part") {
  World world;
  std::string bytes = numbered(3000);
  world.cloud.buckets["bucket"]["key"] = {bytes, {}, {}};
  auto part = [&](const std::string& range) {
    CHECK(world.run({"cp", "--range", range, "sj://bucket/key", "-"}).code == 0);
    return world.piped;
  };
  CHECK(part("bytes=10-19") == bytes.substr(10, 10));
  CHECK(part("990-1010") == bytes.substr(990, 21));
  CHECK(part("2990-") == bytes.substr(2990));
  CHECK(part("-7") == bytes.substr(2993));
  auto outside = world.run({"cp", "--range", "3000-3001", "sj://bucket/key", world.folder / "part"});
  CHECK(outside.code == 2);
  CHECK(outside.err.find("sj://bucket/key") != std::string::npos);
  CHECK(!fs::exists(world.folder / "part"));
}

TEST_CASE("cp -r downloads what is below a prefix, creating folders") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {"1", {}, {}}},
                                   {"p/sub/b", {"22", {}, {}}},
                                   {"p/sub/empty/", {"", {}, {}}},
                                   {"q", {"x", {}, {}}}};
  CHECK(world.run({"cp", "-r", "-t", "2", "sj://bucket/p/", world.folder / "new"}).code == 0);
  CHECK(read_file(world.folder / "new/a") == "1");
  CHECK(read_file(world.folder / "new/sub/b") == "22");
  CHECK(fs::is_directory(world.folder / "new/sub/empty"));
  CHECK(!fs::exists(world.folder / "new/q"));
  CHECK(world.run({"cp", "-r", "sj://bucket/p", world.folder / "kept"}).code == 0);
  CHECK(read_file(world.folder / "kept/p/sub/b") == "22");
}

TEST_CASE("cp -r uploads a folder below a prefix") {
  World world;
  world.cloud.buckets["bucket"];
  fs::create_directories(world.folder / "src/sub");
  write_file(world.folder / "src/a", "1");
  write_file(world.folder / "src/sub/b", "22");
  CHECK(world.run({"cp", "-r", world.folder / "src", "sj://bucket/to"}).code == 0);
  CHECK(world.cloud.buckets["bucket"]["to/a"].bytes == "1");
  CHECK(world.cloud.buckets["bucket"]["to/sub/b"].bytes == "22");
  CHECK(world.run({"cp", "-r", world.folder / "src/", "sj://bucket"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].count("sub/b") == 1);
}

TEST_CASE("cp copies several sources into a folder or prefix") {
  World world;
  world.cloud.buckets["bucket"] = {{"x/a", {"1", {}, {}}}, {"y/b", {"2", {}, {}}}};
  fs::create_directory(world.folder / "d");
  CHECK(world.run({"cp", "sj://bucket/x/a", "sj://bucket/y/b", world.folder / "d"}).code == 0);
  CHECK(read_file(world.folder / "d/a") == "1");
  CHECK(read_file(world.folder / "d/b") == "2");
  CHECK(world.run({"cp", world.folder / "d/a", world.folder / "d/b", "sj://bucket/z"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].count("z/b") == 1);
}

TEST_CASE("cp refuses keys that would escape the destination folder and copies the others") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/good", {"g", {}, {}}},
                                   {"p/../up", {"x", {}, {}}},
                                   {"p//abs", {"x", {}, {}}},
                                   {"p/a//b", {"x", {}, {}}},
                                   {std::string("p/nul\0byte", 10), {"x", {}, {}}},
                                   {"p/back\\slash", {"b", {}, {}}}};
  auto copied = world.run({"cp", "-r", "sj://bucket/p/", world.folder / "in/d"});
  CHECK(copied.code == 8);
  CHECK(std::count(copied.err.begin(), copied.err.end(), '\n') == 4);
  CHECK(copied.err.find("..") != std::string::npos);
  CHECK(copied.err.find('\0') == std::string::npos);
  CHECK(read_file(world.folder / "in/d/good") == "g");
  CHECK(read_file(world.folder / "in/d/back\\slash") == "b");
  CHECK(!fs::exists(world.folder / "in/up"));
  CHECK(world.run({"cp", "sj://bucket/p/..", world.folder / "in/d/"}).code == 2);
}

TEST_CASE("cp of several files goes on after a failure and returns 8") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {"1", {}, {}}}, {"p/b", {"2", {}, {}}}, {"p/c", {"3", {}, {}}}};
  world.cloud.fail.emplace("fetch p/b", make_error(Errc::kIntegrity, "sj://bucket/p/b: damaged"));
  auto copied = world.run({"cp", "-r", "sj://bucket/p/", world.folder / "d"});
  CHECK(copied.code == 8);
  CHECK(copied.err == "sjcp: sj://bucket/p/b: damaged\n");
  CHECK(read_file(world.folder / "d/a") == "1");
  CHECK(read_file(world.folder / "d/c") == "3");
  CHECK(!fs::exists(world.folder / "d/b"));
}

TEST_CASE("cp of one file returns the code of its cause and leaves an old file alone") {
  World world;
  world.cloud.buckets["bucket"] = {{"key", {numbered(5000), {}, {}}}};
  write_file(world.folder / "out", "old");
  for (auto [code, exit] :
       {std::pair{Errc::kIntegrity, 6}, {Errc::kNetwork, 5}, {Errc::kDenied, 4}, {Errc::kLimited, 10}}) {
    world.cloud.fail.clear();
    world.cloud.fail.emplace("fetch key", make_error(code, "sj://bucket/key: broken"));
    auto failed = world.run({"cp", "sj://bucket/key", world.folder / "out"});
    CHECK(failed.code == exit);
    CHECK(failed.err == "sjcp: sj://bucket/key: broken\n");
    CHECK(read_file(world.folder / "out") == "old");
    CHECK(world.folder.names() == std::set<std::string>{"out"});
  }
}

TEST_CASE("cp -r to a bucket that is missing fails once, not once per file") {
  World world;
  for (int i = 0; i < 50; ++i) write_file(world.folder / std::to_string(i), "x");
  auto failed = world.run({"cp", "-r", "-t", "1", world.folder.path(), "sj://missing/"});
  CHECK(failed.code == 3);
  CHECK(failed.err == "sjcp: sj://missing: bucket not found\n");
}

TEST_CASE("cp -r of a prefix without objects says so") {
  World world;
  world.cloud.buckets["bucket"];
  auto failed = world.run({"cp", "-r", "sj://bucket/none/", world.folder / "d"});
  CHECK(failed.code == 3);
  CHECK(failed.err == "sjcp: sj://bucket/none/: there is nothing to copy\n");
}

TEST_CASE("cp --dry-run prints what would be copied and copies nothing") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {"1", {}, {}}}, {"p/s/b", {"2", {}, {}}}};
  auto down = world.run({"cp", "-r", "--dry-run", "sj://bucket/p/", world.folder / "d"});
  CHECK(down.code == 0);
  std::string expected = "download sj://bucket/p/a to ";
  expected.append(world.folder / "d/a").append("\ndownload sj://bucket/p/s/b to ");
  expected.append(world.folder / "d/s/b").append("\n");
  CHECK(down.out == expected);
  CHECK(!fs::exists(world.folder / "d"));
  write_file(world.folder / "f", "x");
  expected = "upload ";
  expected.append(world.folder / "f").append(" to sj://bucket/k\n");
  CHECK(world.run({"cp", "--dry-run", world.folder / "f", "sj://bucket/k"}).out == expected);
  CHECK(world.cloud.buckets["bucket"].size() == 2);
}

TEST_CASE("cp stopped in the middle returns 130 and leaves nothing behind") {
  World world;
  world.cloud.buckets["bucket"] = {{"key", {numbered(5000), {}, {}}}};
  world.cloud.on_fetch = [&] { world.stop.request_stop(); };
  write_file(world.folder / "out", "old");
  auto stopped = world.run({"cp", "sj://bucket/key", world.folder / "out"});
  CHECK(stopped.code == 130);
  CHECK(stopped.err == "sjcp: interrupted\n");
  CHECK(read_file(world.folder / "out") == "old");
  CHECK(world.folder.names() == std::set<std::string>{"out"});
}

TEST_CASE("cp shows a bar on a terminal and ends it with one line") {
  World world;
  world.terminal = true;
  world.cloud.buckets["bucket"] = {{"key", {numbered(5000), {}, {}}}};
  auto copied = world.run({"cp", "sj://bucket/key", world.folder / "out"});
  CHECK(copied.code == 0);
  CHECK(copied.err.find("100%") != std::string::npos);
  CHECK(copied.err.ends_with("4.88 KiB in 0.0 s, 0 B/s\n"));
  CHECK(world.run({"cp", "--progress=false", "sj://bucket/key", world.folder / "out"}).err.empty());
}
