// Several sources that lead to one name.
#include <sys/stat.h>

#include <filesystem>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using test::read_file;
using test::World;
using test::write_file;

namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct TwoNames : World {
  TwoNames() {
    auto& bucket = cloud.buckets["bucket"];
    bucket["a/m.bin"] = {"first", {}, {}};
    bucket["b/m.bin"] = {"second", {}, {}};
    bucket["c/other"] = {"third", {}, {}};
    fs::create_directory(folder / "out");
  }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()));
  }
};

}  // namespace

TEST_CASE("Two objects with one name: the first is kept, both are named, the others are copied") {
  TwoNames world;
  for (const char* transfers : {"1", "4"}) {
    fs::remove_all(world.folder / "out");
    fs::create_directory(world.folder / "out");
    const auto done = world.run({"cp", "-t", transfers, "sj://bucket/a/m.bin", "sj://bucket/b/m.bin",
                                 "sj://bucket/c/other", world.folder / "out"});
    CHECK(done.code == 8);
    CHECK(has(done.err, "sj://bucket/a/m.bin"));
    CHECK(has(done.err, "sj://bucket/b/m.bin"));
    CHECK(read_file(world.folder / "out/m.bin") == "first");
    CHECK(read_file(world.folder / "out/other") == "third");
    CHECK(world.files() == 2);
  }
}

TEST_CASE("Two prefixes with one name below them are told by the objects' names") {
  TwoNames world;
  const auto done = world.run({"cp", "-r", "sj://bucket/a/", "sj://bucket/b/", world.folder / "out"});
  CHECK(done.code == 8);
  CHECK(has(done.err, "sj://bucket/a/m.bin"));
  CHECK(has(done.err, "sj://bucket/b/m.bin"));
  CHECK(has(done.err, "m.bin: both"));
  CHECK(read_file(world.folder / "out/m.bin") == "first");
}

TEST_CASE("A source that is named twice is copied once, with a line that says so") {
  TwoNames world;
  const auto done = world.run({"cp", "sj://bucket/a/m.bin", "sj://bucket/a/m.bin", world.folder / "out"});
  CHECK(done.code == 0);
  CHECK(has(done.err, "sj://bucket/a/m.bin is named more than once"));
  CHECK(read_file(world.folder / "out/m.bin") == "first");
  const auto tree = world.run({"cp", "-r", "sj://bucket/a/", "sj://bucket/a/m.bin", world.folder / "out"});
  CHECK(tree.code == 0);
}

TEST_CASE("Uploads and copies between buckets keep the first of two with one key") {
  TwoNames world;
  world.cloud.buckets["dest"];
  fs::create_directories(world.folder / "x");
  fs::create_directories(world.folder / "y");
  write_file(world.folder / "x/f", "one");
  write_file(world.folder / "y/f", "two");
  const auto up = world.run({"cp", world.folder / "x/f", world.folder / "y/f", "sj://dest/p/"});
  CHECK(up.code == 8);
  CHECK(has(up.err, world.folder / "x/f"));
  CHECK(has(up.err, world.folder / "y/f"));
  CHECK(world.cloud.buckets["dest"]["p/f"].bytes == "one");
  const auto trees = world.run({"cp", "-r", world.folder / "x", world.folder / "y", "sj://dest/q/"});
  CHECK(trees.code == 8);
  CHECK(world.cloud.buckets["dest"]["q/f"].bytes == "one");
  const auto across = world.run({"cp", "sj://bucket/a/m.bin", "sj://bucket/b/m.bin", "sj://dest/r/"});
  CHECK(across.code == 8);
  CHECK(world.cloud.buckets["dest"].contains("r/m.bin"));
}

TEST_CASE("A dry run tells of the conflict, too") {
  TwoNames world;
  const auto dry =
      world.run({"cp", "--dry-run", "sj://bucket/a/m.bin", "sj://bucket/b/m.bin", world.folder / "out"});
  CHECK(dry.code == 8);
  CHECK(has(dry.err, "both"));
}

TEST_CASE("What a tree holds beside files has a line each, and the copy of the rest ends with 8") {
  TwoNames world;
  fs::create_directories(world.folder / "src/sub");
  fs::create_directories(world.folder / "elsewhere");
  write_file(world.folder / "src/file", "1");
  write_file(world.folder / "src/sub/inner", "2");
  write_file(world.folder / "elsewhere/far", "3");
  fs::create_directory_symlink(world.folder / "elsewhere", world.folder / "src/link");
  world.cloud.buckets["dest"];
  CHECK(world.run({"cp", "-r", world.folder / "src", "sj://dest/"}).code == 0);
  CHECK(world.cloud.buckets["dest"].size() == 3);
  CHECK(world.cloud.buckets["dest"].contains("link/far"));

  REQUIRE(::mkfifo((world.folder / "src/pipe").c_str(), 0600) == 0);
  fs::create_directory_symlink("..", world.folder / "src/sub/up");
  fs::create_symlink("nowhere", world.folder / "src/broken");
  const auto told = world.run({"cp", "-r", world.folder / "src", "sj://dest/again/"});
  CHECK(told.code == 8);
  for (const char* word : {"src/pipe", "src/sub/up", "src/broken"}) CHECK(has(told.err, word));
  CHECK(world.cloud.buckets["dest"].size() == 6);

  fs::remove(world.folder / "src/pipe");
  const auto without =
      world.run({"cp", "-r", "--no-follow-symlinks", world.folder / "src", "sj://dest/plain/"});
  CHECK(without.code == 0);
  for (const char* word : {"src/link", "src/sub/up", "src/broken"}) CHECK(has(without.err, word));
  CHECK(world.cloud.buckets["dest"].size() == 8);
}

TEST_CASE("A link below the destination is not followed; the file fails and the link is named") {
  TwoNames world;
  fs::create_directories(world.folder / "outside");
  fs::create_directory_symlink(world.folder / "outside", world.folder / "out/a");
  const auto refused = world.run({"cp", "-r", "sj://bucket/", world.folder / "out"});
  CHECK(refused.code == 8);
  CHECK(has(refused.err, "out/a: is a symbolic link"));
  CHECK(fs::is_empty(world.folder / "outside"));
  CHECK(read_file(world.folder / "out/b/m.bin") == "second");
  CHECK(world.run({"cp", "-r", "--keep-dirlinks", "sj://bucket/", world.folder / "out"}).code == 0);
  CHECK(read_file(world.folder / "outside/m.bin") == "first");

  fs::create_symlink(world.folder / "outside/m.bin", world.folder / "out/other");
  CHECK(world.run({"cp", "sj://bucket/c/other", world.folder / "out"}).code == 7);
  CHECK(read_file(world.folder / "outside/m.bin") == "first");
  // The operand may be a link.
  CHECK(world.run({"cp", "sj://bucket/c/other", world.folder / "out/other"}).code == 0);
  CHECK(read_file(world.folder / "outside/m.bin") == "third");
}

TEST_CASE("A recursive copy that brings nothing leaves no folders") {
  TwoNames world;
  world.cloud.fail["fetch a/m.bin"] = make_error(Errc::kNetwork, "broken");
  const auto failed = world.run({"cp", "-r", "sj://bucket/a", world.folder / "new"});
  CHECK(failed.code == 5);
  CHECK_FALSE(fs::exists(world.folder / "new"));
}
