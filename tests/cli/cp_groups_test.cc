#include <filesystem>
#include <numeric>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
namespace fs = std::filesystem;

namespace {

std::string name(int i) {
  return "f" + std::to_string(1000 + i);
}

size_t sum(const std::vector<size_t>& groups) {
  return std::accumulate(groups.begin(), groups.end(), size_t{0});
}

}  // namespace

TEST_CASE("Small files of a recursive upload travel in groups, large ones alone") {
  World world;
  fs::create_directory(world.folder / "src");
  world.cloud.buckets["bucket"];
  for (int i = 0; i < 100; ++i) {
    write_file(world.folder / ("src/" + name(i)), std::string(static_cast<size_t>(i % 3), 'x'));
  }
  write_file(world.folder / "src/edge", std::string(4096, 'e'));
  write_file(world.folder / "src/large", std::string(4097, 'l'));
  CHECK(world.run({"cp", "-r", world.folder / "src", "sj://bucket/p/"}).code == 0);
  const auto& objects = world.cloud.buckets["bucket"];
  CHECK(objects.size() == 102);
  CHECK(objects.at("p/" + name(5)).bytes == "xx");
  CHECK(objects.at("p/large").bytes.size() == 4097);
  CHECK(sum(world.cloud.put_groups) == 101);
  CHECK(world.cloud.put_groups.size() <= 4);
}

TEST_CASE("Small objects of a recursive download are opened in groups") {
  World world;
  for (int i = 0; i < 100; ++i) world.cloud.buckets["bucket"]["d/" + name(i)] = {name(i), {}, {}};
  for (int i = 0; i < 20; ++i) {
    world.cloud.buckets["bucket"]["d/m" + name(i)] = {std::string(10'000, 'm'), {}, {}};
  }
  world.cloud.buckets["bucket"]["d/large"] = {std::string(2 << 20, 'l'), {}, {}};
  world.cloud.buckets["bucket"]["d/folder/"] = {"", {}, {}};
  CHECK(world.run({"cp", "-r", "sj://bucket/d/", world.folder / "out"}).code == 0);
  for (int i = 0; i < 100; ++i) CHECK(read_file(world.folder / ("out/" + name(i))) == name(i));
  CHECK(read_file(world.folder / ("out/m" + name(7))).size() == 10'000);
  CHECK(read_file(world.folder / "out/large").size() == 2 << 20);
  CHECK(fs::is_directory(world.folder / "out/folder"));
  CHECK(sum(world.cloud.open_groups) == 120);
  CHECK(world.cloud.open_groups.size() <= 6);
}

TEST_CASE("A single file is no group") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"x", {}, {}};
  CHECK(world.run({"cp", "sj://bucket/key", world.folder / "out"}).code == 0);
  CHECK(world.run({"cp", world.folder / "out", "sj://bucket/back"}).code == 0);
  CHECK(world.cloud.open_groups.empty());
  CHECK(world.cloud.put_groups.empty());
}

TEST_CASE("Every file of a group has its own event") {
  World world;
  world.cloud.buckets["bucket"];
  fs::create_directory(world.folder / "src");
  for (int i = 0; i < 50; ++i) write_file(world.folder / ("src/" + name(i)), name(i));
  auto up = world.run({"cp", "-r", "--progress=json", world.folder / "src", "sj://bucket/"});
  CHECK(up.code == 0);
  std::set<std::string> paths;
  for (const auto& line : up.err_json()) {
    if (line["event"] != "file") continue;
    CHECK(line["ok"] == true);
    CHECK(line["bytes"] == 5);
    paths.insert(line["path"]);
  }
  CHECK(paths.size() == 50);
  CHECK(up.err_json().back()["bytes"] == 250);
  CHECK(up.err_json().back()["files"] == 50);
}

TEST_CASE("Objects of a group that fail do not keep the others") {
  World world;
  for (int i = 0; i < 50; ++i) world.cloud.buckets["bucket"][name(i)] = {name(i), {}, {}};
  world.cloud.fail["fetch " + name(7)] = make_error(Errc::kIntegrity, "sj://bucket/x: damaged");
  fs::create_directories(world.folder / ("out/" + name(9)));
  auto down = world.run({"cp", "-r", "sj://bucket/", world.folder / "out"});
  CHECK(down.code == 8);
  CHECK(down.err.find("damaged") != std::string::npos);
  CHECK(down.err.find(name(9)) != std::string::npos);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(world.folder / "out"))
    files += entry.is_regular_file() ? 1 : 0;
  CHECK(files == 48);
}

TEST_CASE("A missing bucket ends an upload of many small files with its own exit code") {
  World world;
  fs::create_directory(world.folder / "src");
  for (int i = 0; i < 300; ++i) write_file(world.folder / ("src/" + name(i)), name(i));
  CHECK(world.run({"cp", "-r", world.folder / "src", "sj://bucket/"}).code == 3);
}

TEST_CASE("A small file that cannot be read is its own failure") {
  World world;
  world.cloud.buckets["bucket"];
  write_file(world.folder / "a", "a");
  auto up = world.run({"cp", world.folder / "a", world.folder / "missing", "sj://bucket/p/"});
  CHECK(up.code == 8);
  CHECK(up.err.find("missing") != std::string::npos);
  CHECK(world.cloud.buckets["bucket"].size() == 1);
}
