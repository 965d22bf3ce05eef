#include "core/base/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/temp_folder.h"

using namespace sjcp;
using test::TempFolder;
using Names = std::set<std::string>;

TEST_CASE("A private file is replaced whole or not at all") {
  TempFolder folder;
  const std::string fresh = GENERATE("", "new");
  const std::string temporary = fresh.empty() ? "" : folder / fresh;
  CHECK(replace_private_file(folder / "a", std::string_view("one"), temporary));
  CHECK(replace_private_file(folder / "a", std::string_view("two"), temporary));
  CHECK(read_private_file(folder / "a") == "two");
  struct stat info {};
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
  REQUIRE(::link((folder / "a").c_str(), (folder / "second").c_str()) == 0);
  CHECK_FALSE(read_private_file(folder / "a"));
}
