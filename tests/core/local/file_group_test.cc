#include "core/local/file_group.h"

#include <filesystem>
#include <map>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::FileGroup;
using test::read_file;
using test::TempFolder;
namespace fs = std::filesystem;

namespace {

void write(FileGroup& group, const std::string& path, const std::string& bytes) {
  auto file = group.open(path);
  REQUIRE(file->begin(bytes.size()));
  REQUIRE(file->write(0, ByteView(bytes)));
  group.add(std::move(file));
}

size_t entries(const std::string& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace

TEST_CASE("The files of a group appear together, at the commit and not before") {
  for (const bool flush : {true, false}) {
    TempFolder folder;
    FileGroup group({.create_folders = true, .flush = flush});
    for (int i = 0; i < 70; ++i) {
      const std::string name = std::to_string(i);
      write(group, folder / ("sub" + std::to_string(i % 3) + "/" + name), "content " + name);
    }
    CHECK(group.size() == 70);
    for (int i = 0; i < 70; ++i)
      CHECK_FALSE(fs::exists(folder / ("sub" + std::to_string(i % 3) + "/" + std::to_string(i))));
    std::map<size_t, int> seen;
    group.commit([&](size_t file, const Status& status) {
      CHECK(status);
      ++seen[file];
      CHECK(read_file(folder / ("sub" + std::to_string(file % 3) + "/" + std::to_string(file))) ==
            "content " + std::to_string(file));
    });
    CHECK(seen.size() == 70);
    CHECK(group.size() == 0);
    for (int i = 0; i < 3; ++i) CHECK(entries(folder / ("sub" + std::to_string(i))) == (i == 0 ? 24 : 23));
  }
}

TEST_CASE("An empty group commits nothing") {
  FileGroup group({});
  group.commit([](size_t, const Status&) { FAIL("a result of nothing"); });
}

TEST_CASE("A file that cannot be committed does not keep the others of its group, and leaves nothing") {
  TempFolder folder;
  FileGroup group({});
  write(group, folder / "a", "1");
  write(group, folder / "b", "2");
  write(group, folder / "c", "3");
  // A rename cannot replace a folder.
  fs::create_directory(folder / "b");
  std::map<size_t, bool> seen;
  group.commit([&](size_t file, const Status& status) { seen[file] = status.has_value(); });
  CHECK(seen == std::map<size_t, bool>{{0, true}, {1, false}, {2, true}});
  CHECK(read_file(folder / "a") == "1");
  CHECK(read_file(folder / "c") == "3");
  CHECK(entries(folder.path()) == 3);
}

TEST_CASE("A group that goes without a commit leaves nothing behind") {
  TempFolder folder;
  {
    FileGroup group({});
    write(group, folder / "a", "1");
    write(group, folder / "b", "");
    CHECK(entries(folder.path()) == 2);
  }
  CHECK(entries(folder.path()) == 0);
}
