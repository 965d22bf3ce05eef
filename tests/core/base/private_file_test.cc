#include "core/base/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using test::TempFolder;
using Names = std::set<std::string>;

TEST_CASE("A private file is replaced whole or not at all") {
  TempFolder folder;
  const std::string fresh = GENERATE("", "new");
  const std::string temporary = fresh.empty() ? "" : folder / fresh;
  const OnDisk on_disk = GENERATE(OnDisk::kNow, OnDisk::kLater);
  CHECK(replace_private_file(folder / "a", std::string_view("one"), temporary, on_disk));
  CHECK(replace_private_file(folder / "a", std::string_view("two"), temporary, on_disk));
  CHECK(read_private_file(folder / "a") == "two");
  struct stat info{};
  REQUIRE(::stat((folder / "a").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  const Status missing = replace_private_file(folder / "missing/a", std::string_view("x"), temporary);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kLocalIo);
  REQUIRE(::mkdir((folder / "sub").c_str(), 0700) == 0);
  CHECK_FALSE(replace_private_file(folder / "sub", std::string_view("x"), temporary));
  CHECK(folder.names() == Names{"a", "sub"});
}

TEST_CASE("A file that somebody else may have made or may change is not read") {
  TempFolder folder;
  REQUIRE(replace_private_file(folder / "a", std::string_view("one")));
  REQUIRE(::symlink((folder / "a").c_str(), (folder / "link").c_str()) == 0);
  CHECK_FALSE(read_private_file(folder / "link"));
  CHECK_FALSE(read_private_file(folder.path()));
  CHECK_FALSE(read_private_file(folder / "missing"));
  CHECK(read_private_file(folder / "a", 3) == "one");
  CHECK_FALSE(read_private_file(folder / "a", 2));
  REQUIRE(::link((folder / "a").c_str(), (folder / "second").c_str()) == 0);
  CHECK_FALSE(read_private_file(folder / "a"));
}

TEST_CASE("A private folder is made with those above it, and left as it is where it is") {
  TempFolder folder;
  const auto mode = [&](const char* name) {
    struct stat info{};
    REQUIRE(::stat((folder / name).c_str(), &info) == 0);
    return info.st_mode & 07777;
  };
  CHECK(make_private_folder(folder / "a/b"));
  CHECK(mode("a/b") == 0700);
  REQUIRE(::chmod((folder / "a/b").c_str(), 0755) == 0);
  CHECK(make_private_folder(folder / "a/b"));
  CHECK(mode("a/b") == 0755);
  REQUIRE(replace_private_file(folder / "file", std::string_view("x")));
  const Status made = make_private_folder(folder / "file/b");
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::kLocalIo);
}
