// Files there and back: sizes, streams, ranges, folders.
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kSegment = 64 * kMiB;

// Relative paths of the files below a folder, with a mark on what differs from the other folder.
std::set<std::string> compare_folders(const std::string& a, const std::string& b) {
  std::set<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(a)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = fs::relative(entry.path(), a);
    out.insert(same_content(entry.path(), b + "/" + name) ? name : "differs: " + name);
  }
  return out;
}

}  // namespace

TEST_CASE("A file of any size comes back as it was", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{4095}, uint64_t{4096}, uint64_t{4097},
                              uint64_t{7403}, uint64_t{7408}, uint64_t{7409}, kMiB, kSegment - 1, kSegment,
                              kSegment + 1, kSegment + 4097, uint64_t{150'000'000}}) {
    CAPTURE(size);
    const std::string file = user.make_file("file", size, size);
    CHECK(user.must({"cp", file, "sj://bucket/" + std::to_string(size)}).empty());
    CHECK(user.must({"cp", "sj://bucket/" + std::to_string(size), user.path("back")}).empty());
    CHECK(same_content(file, user.path("back")));
    const auto listed = user.list({"sj://bucket/" + std::to_string(size)});
    REQUIRE(listed.size() == 1);
    CHECK(listed[0]["size"] == size);
    user.must({"rm", "sj://bucket/" + std::to_string(size)});
  }
  CHECK(temporary_files(user.folder.path()).empty());
  CHECK(network.total("pieces_held") == 0);
  check_limits_were_fresh(network);
}

TEST_CASE("Up to 4096 bytes live at the satellite, more at the nodes", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("small", 4096), "sj://bucket/small"});
  CHECK(network.total("uploads_begun") == 0);
  user.must({"cp", user.make_file("large", 4097), "sj://bucket/large"});
  CHECK(network.total("pieces_held") >= 8);
}

TEST_CASE("Standard input and output carry the same bytes", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (const uint64_t size : {uint64_t{0}, uint64_t{4096}, uint64_t{100'000}, kSegment + 1}) {
    CAPTURE(size);
    const std::string file = user.make_file("file", size, size + 1);
    Command up = user.command({"cp", "-", "sj://bucket/object"});
    up.input_file = file;
    CHECK(Child(up).finish().code == 0);
    Command down = user.command({"cp", "sj://bucket/object", "-"});
    down.output_file = user.path("out");
    const Exit exit = Child(down).finish();
    CHECK(exit.code == 0);
    CHECK(exit.err.empty());
    CHECK(same_content(file, user.path("out")));
  }
}

TEST_CASE("Pipes on both sides carry the same bytes", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  std::string text;
  for (int i = 0; text.size() < 3 * kMiB; ++i) text += std::to_string(i) + "\n";
  Command up = user.command({"cp", "-", "sj://bucket/object"});
  up.input = text;
  CHECK(Child(up).finish().code == 0);
  const Exit down = user.run({"cp", "sj://bucket/object", "-"});
  CHECK(down.code == 0);
  CHECK(down.out == text);
}

TEST_CASE("A reader of standard output that goes away ends the command as quietly as SIGPIPE",
          "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 20 * kMiB), "sj://bucket/object"});
  Command head = user.command(
      {"-c", "\"$0\" cp sj://bucket/object - | head -c 1000 >/dev/null; exit ${PIPESTATUS[0]}", SJCP_SJCP});
  head.program = "/bin/bash";
  const Exit exit = Child(head).finish();
  CHECK(exit.code == 141);
  CHECK(exit.err.empty());
  // More names than the pipe holds.
  for (int i = 0; i < 1500; ++i) user.make_file("tree/" + std::string(100, 'n') + std::to_string(i), 1);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/tree/"});
  for (const char* listing :
       {"ls -r sj://bucket/", "cp -r --dry-run sj://bucket/tree/ out/", "rm -r sj://bucket/tree/"}) {
    head.args[1] = "\"$0\" " + std::string(listing) + " | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}";
    const Exit ended = Child(head).finish();
    CAPTURE(listing, ended.err);
    CHECK(ended.code == 141);
    CHECK(ended.err.empty());
  }
}

TEST_CASE("A range gets these bytes, and little more is paid for", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  const uint64_t size = 140'000'000;
  const std::string file = user.make_file("file", size);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", file, "sj://bucket/object"});
  struct Case {
    std::string range;
    uint64_t begin;
    uint64_t count;
  };
  for (const auto& [range, begin, count] : std::vector<Case>{
           {"bytes=0-0", 0, 1},
           {"bytes=1000000-1999999", 1'000'000, 1'000'000},
           {"5000-7999", 5000, 3000},
           {"bytes=-1", size - 1, 1},
           {"bytes=-300000", size - 300'000, 300'000},
           {"bytes=-999999999", 0, size},
           {"bytes=139000000-", 139'000'000, 1'000'000},
           {"bytes=139999999-200000000", size - 1, 1},
           {"bytes=67108863-67108864", kSegment - 1, 2},
           {"bytes=60000000-134999999", 60'000'000, 75'000'000},
       }) {
    CAPTURE(range);
    const uint64_t before = network.total("get_ordered");
    user.must({"cp", "--range", range, "sj://bucket/object", user.path("part")});
    CHECK(is_part(user.path("part"), file, begin, count));
    // A stripe of blocks at both ends, and the first orders of the pieces that were not needed.
    CHECK(network.total("get_ordered") - before < count + count / 100 + 4 * kMiB);
  }
  check_limits_were_fresh(network);
}

TEST_CASE("Several segments in flight give the same file as one", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  const std::string file = user.make_file("file", 140'000'000);
  user.must({"mb", "sj://bucket"});
  for (const std::string parallelism : {"1", "16"}) {
    CAPTURE(parallelism);
    user.must({"cp", "-p", parallelism, file, "sj://bucket/object"});
    user.must({"cp", "-p", parallelism, "sj://bucket/object", user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
  CHECK(user.list({"sj://bucket/"}).size() == 1);
  check_limits_were_fresh(network);
}

TEST_CASE("Small memory slows a copy down and changes nothing else", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  const std::string file = user.make_file("file", 100'000'000);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", "--memory", "8MiB", "-p", "8", file, "sj://bucket/object"});
  user.must({"cp", "--memory", "8MiB", "-p", "8", "sj://bucket/object", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("An upload over an object replaces it", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("one", 100'000, 1), "sj://bucket/object"});
  const std::string two = user.make_file("two", 70'000, 2);
  user.must({"cp", two, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", user.path("back")});
  CHECK(same_content(two, user.path("back")));
  const auto listed = user.list({"sj://bucket/"});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["size"] == 70'000);
}

TEST_CASE("A download over a file replaces it and keeps its mode", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 50'000, 1);
  user.must({"cp", file, "sj://bucket/object"});
  const std::string back = user.make_file("back", 90'000, 2);
  fs::permissions(back, fs::perms(0640));
  user.must({"cp", "sj://bucket/object", back});
  CHECK(same_content(file, back));
  CHECK(fs::status(back).permissions() == fs::perms(0640));
}

TEST_CASE("An object goes into a folder under its own name", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("name.bin", 5000);
  user.must({"cp", file, "sj://bucket/deep/"});
  fs::create_directory(user.path("into"));
  user.must({"cp", "sj://bucket/deep/name.bin", user.path("into")});
  CHECK(same_content(file, user.path("into/name.bin")));
}

TEST_CASE("Several sources go to one folder or prefix", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string a = user.make_file("a", 3000, 1);
  const std::string b = user.make_file("b", 30'000, 2);
  user.must({"cp", a, b, "sj://bucket/both"});
  CHECK(user.list({"sj://bucket/both/"}).size() == 2);
  fs::create_directory(user.path("into"));
  user.must({"cp", "sj://bucket/both/a", "sj://bucket/both/b", user.path("into")});
  CHECK(same_content(a, user.path("into/a")));
  CHECK(same_content(b, user.path("into/b")));
}

TEST_CASE("A folder goes up and comes back with -r", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::set<std::string> names{"plain", "with space", "100%41", "ünïcode/ключ", "deep/er/and/deeper",
                                    "empty", "deep/plain", "~tilde", "quote'\"",     "back\\slash"};
  uint64_t seed = 0;
  for (const auto& name : names) {
    ++seed;
    user.make_file("tree/" + name, name == "empty" ? 0 : 900 * seed * seed, seed);
  }
  for (const std::string transfers : {"1", "8"}) {
    CAPTURE(transfers);
    const std::string prefix = "sj://bucket/up" + transfers + "/";
    user.must({"cp", "-r", "-t", transfers, user.path("tree"), prefix});
    user.must({"cp", "-r", "-t", transfers, prefix, user.path("back" + transfers)});
    CHECK(compare_folders(user.path("tree"), user.path("back" + transfers)) == names);
    CHECK(compare_folders(user.path("back" + transfers), user.path("tree")) == names);
  }
  CHECK(user.list({"-r", "sj://bucket/up8/deep/"}).size() == 2);
  check_limits_were_fresh(network);
}

TEST_CASE("A copy of a prefix leaves its siblings alone", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100);
  for (const std::string key : {"ab/x", "ab/y/z", "abc/x", "ab.txt", "a"})
    user.must({"cp", file, "sj://bucket/" + key});
  user.must({"cp", "-r", "sj://bucket/ab/", user.path("back")});
  CHECK(compare_folders(user.path("back"), user.path("back")) == std::set<std::string>{"x", "y/z"});
}

TEST_CASE("Keys with odd characters are copied and listed as they are", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 5000);
  std::set<std::string> keys{"a b",
                             "100%",
                             "%2F",
                             "/leading",
                             "double//slash",
                             "trailing/slash/x",
                             "./dot",
                             "../dots",
                             "emoji-\xF0\x9F\x98\x80",
                             "new\nline",
                             std::string(1000, 'k')};
  std::set<std::string> listed;
  for (const auto& key : keys) {
    CAPTURE(key);
    user.must({"cp", file, "sj://bucket/" + key});
    user.must({"cp", "sj://bucket/" + key, user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
  for (const auto& object : user.list({"-r", "sj://bucket/"})) listed.insert(object["key"]);
  CHECK(listed == keys);
}

TEST_CASE("A dry run prints what it would do and does nothing", "[transfers]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.make_file("tree/a", 10);
  user.make_file("tree/b/c", 10);
  const std::string up = user.must({"cp", "--dry-run", "-r", user.path("tree"), "sj://bucket/x/"});
  CHECK(up.find("upload " + user.path("tree") + "/a to sj://bucket/x/a\n") != std::string::npos);
  CHECK(up.find("upload " + user.path("tree") + "/b/c to sj://bucket/x/b/c\n") != std::string::npos);
  CHECK(user.list({"-r", "sj://bucket/"}).empty());
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/x/"});
  const std::string down = user.must({"cp", "--dry-run", "-r", "sj://bucket/x/", user.path("back")});
  CHECK(down.find("download sj://bucket/x/b/c to " + user.path("back/b/c") + "\n") != std::string::npos);
  CHECK_FALSE(exists(user.path("back")));
}

TEST_CASE("Paths that are not encrypted work the same", "[transfers]") {
  LocalNetwork network({"--path-cipher", "null"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("tree/deep/file", 100'000);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/"});
  user.must({"cp", "-r", "sj://bucket/", user.path("back")});
  CHECK(same_content(file, user.path("back/deep/file")));
  CHECK(user.list({"sj://bucket/"}).at(0)["key"] == "deep/");
}

TEST_CASE("Pieces kept in files serve as well", "[transfers]") {
  const sjcp::test::TempFolder pieces;
  LocalNetwork network({"--dir", pieces.path()});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 5 * kMiB);
  user.must({"cp", file, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}
