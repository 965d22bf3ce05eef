#include "core/local/walk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::FolderWalk;
using test::TempFolder;
using test::write_file;

namespace {

void put(const TempFolder& folder, const std::string& path, const std::string& bytes = "x") {
  std::filesystem::create_directories(std::filesystem::path(folder / path).parent_path());
  write_file(folder / path, bytes);
}

struct Walked {
  std::vector<std::string> paths;
  std::vector<std::string> errors;
  std::vector<std::string> left_out;

  // Whether one of the errors names this.
  bool tells_of(const std::string& text) const {
    return std::any_of(errors.begin(), errors.end(),
                       [&](const std::string& error) { return error.find(text) != std::string::npos; });
  }
};

Walked walk(const std::string& root, bool follow_links = true) {
  Walked result;
  local::WalkOptions options;
  options.follow_links = follow_links;
  options.left_out = [&result](const std::string& link) { result.left_out.push_back(link); };
  auto opened = FolderWalk::open(root, options);
  REQUIRE(opened);
  for (;;) {
    auto file = opened->next();
    if (!file) {
      result.errors.push_back(file.error().what);
      continue;
    }
    if (!file->has_value()) break;
    result.paths.push_back((*file)->path);
  }
  return result;
}

}  // namespace

TEST_CASE("A walk yields every file below a folder in the byte order of paths") {
  TempFolder folder;
  for (const char* path : {"b", "a/z", "a.txt", "a/b/c/d", "a/b.txt", "a-b", "a/b/x", "Z", "\xc3\xa4"}) {
    put(folder, path);
  }
  std::filesystem::create_directories(folder / "empty/within");
  const Walked walked = walk(folder.path());
  CHECK(walked.paths.size() == 9);
  CHECK(std::is_sorted(walked.paths.begin(), walked.paths.end()));
  CHECK(walked.paths == walk(folder.path() + "/").paths);
  CHECK(std::find(walked.paths.begin(), walked.paths.end(), "a/b/c/d") != walked.paths.end());
  CHECK(walked.errors.empty());
}

TEST_CASE("A walk tells the size of files") {
  TempFolder folder;
  put(folder, "file", "12345");
  auto opened = FolderWalk::open(folder.path());
  REQUIRE(opened);
  auto file = opened->next();
  REQUIRE(file);
  REQUIRE(file->has_value());
  CHECK((*file)->size == 5);
}

TEST_CASE("Links to files and folders are followed, those that lead in circles are told of") {
  TempFolder folder;
  put(folder, "dir/file", "12345");
  put(folder, "a/near", "1");
  TempFolder elsewhere;
  put(elsewhere, "sub/far", "1");
  REQUIRE(::symlink("dir/file", (folder / "to-file").c_str()) == 0);
  REQUIRE(::symlink(".", (folder / "dir/circle").c_str()) == 0);
  REQUIRE(::symlink("..", (folder / "dir/up").c_str()) == 0);
  REQUIRE(::symlink("../a", (folder / "dir/across").c_str()) == 0);
  REQUIRE(::symlink(elsewhere.path().c_str(), (folder / "out").c_str()) == 0);
  const Walked walked = walk(folder.path());
  CHECK(walked.paths ==
        std::vector<std::string>{"a/near", "dir/across/near", "dir/file", "out/sub/far", "to-file"});
  CHECK(walked.errors.size() == 2);
  CHECK(walked.tells_of("dir/circle: leads back"));
  CHECK(walked.tells_of("dir/up: leads back"));

  // The folder that the user named may be a link.
  TempFolder other;
  REQUIRE(::symlink(folder.path().c_str(), (other / "link").c_str()) == 0);
  CHECK(walk(other / "link").paths == walked.paths);
}

TEST_CASE("Links below the root are left out on request, each with a word") {
  TempFolder folder;
  put(folder, "dir/file", "12345");
  REQUIRE(::symlink("dir/file", (folder / "to-file").c_str()) == 0);
  REQUIRE(::symlink("dir", (folder / "to-dir").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (folder / "broken").c_str()) == 0);
  TempFolder other;
  REQUIRE(::symlink(folder.path().c_str(), (other / "link").c_str()) == 0);
  const Walked walked = walk(other / "link", false);
  CHECK(walked.paths == std::vector<std::string>{"dir/file"});
  CHECK(walked.left_out ==
        std::vector<std::string>{other / "link/broken", other / "link/to-dir", other / "link/to-file"});
  CHECK(walked.errors.empty());
}

TEST_CASE("Pipes, devices and unfinished downloads are an error each") {
  TempFolder folder;
  put(folder, "file");
  put(folder, ".file.sjcp-part");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  REQUIRE(::symlink("/dev/null", (folder / "null").c_str()) == 0);
  const Walked walked = walk(folder.path());
  CHECK(walked.paths == std::vector<std::string>{"file"});
  CHECK(walked.errors.size() == 3);
  CHECK(walked.tells_of("pipe: is a pipe"));
  CHECK(walked.tells_of("null: is a device"));
  CHECK(walked.tells_of("not finished"));
}

TEST_CASE("A file that cannot be examined is one error, and the walk goes on") {
  TempFolder folder;
  put(folder, "a");
  REQUIRE(::symlink("nowhere", (folder / "broken").c_str()) == 0);
  put(folder, "c");
  const Walked walked = walk(folder.path());
  CHECK(walked.paths == std::vector<std::string>{"a", "c"});
  REQUIRE(walked.errors.size() == 1);
  CHECK(walked.errors[0].find("broken") != std::string::npos);
}

TEST_CASE("A folder that vanished since it was listed is one error, and the walk goes on") {
  TempFolder folder;
  put(folder, "a");
  put(folder, "b/file");
  put(folder, "c/file");
  put(folder, "d");
  local::WalkOptions options;
  options.follow_links = false;
  auto opened = FolderWalk::open(folder.path(), options);
  REQUIRE(opened);
  auto first = opened->next();
  REQUIRE(first);
  std::filesystem::remove_all(folder / "b");
  // A link that takes the place of a listed folder is not entered either.
  std::filesystem::rename(folder / "c", folder / "elsewhere");
  REQUIRE(::symlink("elsewhere", (folder / "c").c_str()) == 0);
  CHECK_FALSE(opened->next());
  CHECK_FALSE(opened->next());
  auto last = opened->next();
  REQUIRE(last);
  REQUIRE(last->has_value());
  CHECK((*last)->path == "d");
  auto end = opened->next();
  REQUIRE(end);
  CHECK_FALSE(end->has_value());
}

TEST_CASE("A root that is missing or no folder is refused by kind") {
  TempFolder folder;
  put(folder, "file");
  auto missing = FolderWalk::open(folder / "missing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kNotFound);
  auto file = FolderWalk::open(folder / "file");
  REQUIRE_FALSE(file);
  CHECK(file.error().code == Errc::kLocalIo);
  CHECK_FALSE(FolderWalk::open(""));
}
