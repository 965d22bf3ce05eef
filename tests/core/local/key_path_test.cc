#include "core/local/key_path.h"
#include "tests/support/catch.h"

using namespace sjcp;
using local::key_for_path;
using local::path_for_key;

TEST_CASE("Ordinary keys map to paths below the destination and back") {
  struct Case {
    const char* key;
    const char* prefix;
    const char* path;
  };
  const Case cases[] = {
      {"a", "", "a"},
      {"a/b/c.txt", "", "a/b/c.txt"},
      {"a/b/c.txt", "a/", "b/c.txt"},
      {"a/b/c.txt", "a/b/", "c.txt"},
      {"spaces and %20", "", "spaces and %20"},
      {"\xc3\xa4\xc3\xb6", "", "\xc3\xa4\xc3\xb6"},
      {".hidden", "", ".hidden"},
      {"..a/b..", "", "..a/b.."},
      {"...", "", "..."},
      {"back\\slash", "", "back\\slash"},
      {"new\nline", "", "new\nline"},
  };
  for (const Case& c : cases) {
    INFO(c.key);
    auto path = path_for_key(c.key, c.prefix);
    REQUIRE(path);
    CHECK(*path == c.path);
    CHECK(key_for_path(*path, c.prefix) == c.key);
  }
}

TEST_CASE("Keys that would leave the destination or cannot be a path are refused with a reason") {
  using namespace std::string_literals;
  struct Case {
    std::string key;
    std::string prefix;
    const char* reason;
  };
  const Case cases[] = {
      {"..", "", "\"..\""},
      {"../a", "", "\"..\""},
      {"a/../b", "", "\"..\""},
      {"a/..", "", "\"..\""},
      {"p/../../etc/passwd", "p/", "\"..\""},
      {"/etc/passwd", "", "absolute"},
      {"p//etc/passwd", "p/", "absolute"},
      {"a//b", "", "empty component"},
      {"a/", "", "empty component"},
      {"p/", "p/", "prefix itself"},
      {"", "", "prefix itself"},
      {"a/./b", "", "\".\""},
      {".", "", "\".\""},
      {"a\0b"s, "", "NUL"},
      {std::string(256, 'x'), "", "255"},
      {"a/" + std::string(256, 'x') + "/b", "", "255"},
      {"a/.b.sjcp-part", "", "unfinished"},
  };
  for (const Case& c : cases) {
    INFO(c.key);
    auto path = path_for_key(c.key, c.prefix);
    REQUIRE_FALSE(path);
    CHECK(path.error().code == Errc::kUnsupported);
    CHECK(path.error().what.find(c.reason) != std::string::npos);
  }
  std::string deep;
  for (int i = 0; i < 2001; ++i) deep += "a/";
  CHECK_FALSE(path_for_key(deep + "a", ""));
  CHECK(path_for_key(std::string(255, 'x'), ""));
}

TEST_CASE("A key that is not below the prefix is a mistake of the caller") {
  auto path = path_for_key("b/c", "a/");
  REQUIRE_FALSE(path);
  CHECK(path.error().code == Errc::kInternal);
}

TEST_CASE("Control bytes of a key do not reach the terminal") {
  auto path = path_for_key("a\x1b[2J/../b\n", "");
  REQUIRE_FALSE(path);
  CHECK(path.error().what.find("a\\x1b[2J/../b\\x0a") != std::string::npos);
  CHECK(path.error().what.find('\n') == std::string::npos);
}
