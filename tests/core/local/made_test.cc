// Names that a folder takes for one.
#include "core/local/made.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/local/file_group.h"
#include "core/local/file_sink.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::folded_name;
using local::Made;
using test::TempFolder;

namespace {

constexpr char kComposed[] = "\xc3\xa9t\xc3\xa9.txt";      // NFC
constexpr char kDecomposed[] = "e\xcc\x81te\xcc\x81.txt";  // the same in NFD

// Played: a folder that finds a file under each of its spellings.
Made::Eyes blind() {
  return {[](const std::string&) { return true; },
          [](const std::string& a, const std::string& b, bool) { return folded_name(a) == folded_name(b); }};
}

Status get(const TempFolder& folder, Made& made, const std::string& name, const std::string& bytes) {
  local::FileSinkOptions options;
  options.made = &made;
  options.create_folders = true;
  const std::string named = folder.path() + "/";
  local::FileSink sink({named + name, named.size(), "hf://o/m/" + name}, options);
  Status status = sink.begin(bytes.size());
  if (status) status = sink.write(0, bytes);
  if (status) status = sink.commit();
  return status;
}

}  // namespace

TEST_CASE("Names that some folder takes for one fold to the same") {
  CHECK(folded_name("A.txt") == folded_name("a.TXT"));
  CHECK(folded_name("\xc3\x84") == folded_name("a\xcc\x88"));  // A with dots
  CHECK(folded_name(kComposed) == folded_name(kDecomposed));
  CHECK(folded_name("\xd0\x9c") == folded_name("\xd0\xbc"));                        // Cyrillic, by case
  CHECK(folded_name("\xea\xb0\x80x") == folded_name("\xe1\x84\x80\xe1\x85\xa1x"));  // a Korean syllable
  CHECK(folded_name("\xe3\x81\x8c") == folded_name("\xe3\x81\x8b\xe3\x82\x99"));    // Japanese ga
  CHECK(folded_name("a.txt") != folded_name("b.txt"));
  CHECK(folded_name("\xe4\xb8\xad") != folded_name("\xe6\x96\x87"));  // Chinese
  for (const char* broken : {"\xff", "\xc3", "a\xe3\x81", "\xf0\x9f\x98"})
    CHECK(folded_name(broken) == folded_name(broken));
}

TEST_CASE("Where case does not count, the first of two names stays, and both sources are named") {
  TempFolder folder;
  Made made(blind());
  REQUIRE(get(folder, made, "A.txt", "first"));
  const Status second = get(folder, made, "a.txt", "second");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kConflict);
  CHECK(second.error().what.find("hf://o/m/A.txt") != std::string::npos);
  CHECK(second.error().what.find("hf://o/m/a.txt") != std::string::npos);
  CHECK(get(folder, made, "Sub/x", "1"));
  CHECK_FALSE(get(folder, made, "sub/X", "2"));
  CHECK(get(folder, made, "b.txt", "another"));
  CHECK(get(folder, made, "A.txt", "again, by the same name"));
}

TEST_CASE("While the first is on its way the second does not touch its part file") {
  TempFolder folder;
  Made made(blind());
  local::FileSinkOptions options;
  options.made = &made;
  local::FileSink first({folder / "A.txt"}, options);
  REQUIRE(first.begin(5));
  CHECK_FALSE(get(folder, made, "a.txt", "second"));
  REQUIRE(first.write(0, std::string("first")));
  REQUIRE(first.commit());
}

TEST_CASE("A name whose file did not come is free again") {
  TempFolder folder;
  Made made(blind());
  local::FileSinkOptions options;
  options.made = &made;
  local::FileSink first({folder / "A.txt"}, options);
  REQUIRE(first.begin(5));
  first.abort();
  CHECK(get(folder, made, "a.txt", "second"));
}

TEST_CASE("A folder that tells names apart has them all") {
  TempFolder folder;
  Made made;
  for (const char* name : {"A.txt", "a.txt", kComposed, kDecomposed, "\xc3\xa8.txt", "\xc3\xa9.txt"}) {
    CHECK(get(folder, made, name, name));
    CHECK(get(folder, made, name, name));
  }
  CHECK(folder.names().size() == 6);
}

TEST_CASE("Only folders that are blind to the form of letters refuse the other form") {
  TempFolder folder;
  Made made({[](const std::string&) { return false; }, blind().same_file});
  CHECK(get(folder, made, kComposed, "first"));
  CHECK_FALSE(get(folder, made, kDecomposed, "second"));
  CHECK(get(folder, made, "A.txt", "1"));
  CHECK(get(folder, made, "a.txt", "2"));
}

TEST_CASE("In a group of small files, too, the first of two names stays") {
  TempFolder folder;
  Made made(blind());
  local::FileSinkOptions options;
  options.made = &made;
  local::FileGroup group(options);
  auto first = group.open({folder / "A"});
  REQUIRE(first->begin(0));
  group.add(std::move(first));
  auto second = group.open({folder / "a"});
  CHECK_FALSE(second->begin(0));
  second.reset();
  int good = 0;
  group.commit([&](size_t, const Status& status) { good += status ? 1 : 0; });
  CHECK(good == 1);
  CHECK(folder.names() == std::set<std::string>{"A"});
}
