// Thousands of small files: few requests, every file with its own result.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// Small files of many sizes below `folder`, with names that need care.
void make_tree(const User& user, const std::string& folder, int count) {
  for (int i = 0; i < count; ++i) {
    const auto size = static_cast<uint64_t>(i) * 97 % 4097;
    user.make_file(folder + "/d" + std::to_string(i % 7) + "/f" + std::to_string(i), size,
                   static_cast<uint64_t>(i));
  }
}

size_t files_below(const std::string& folder) {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

void check_same_trees(const std::string& a, const std::string& b) {
  CHECK(files_below(a) == files_below(b));
  size_t different = 0;
  for (const auto& entry : fs::recursive_directory_iterator(a)) {
    if (!entry.is_regular_file()) continue;
    const std::string other = b + entry.path().string().substr(a.size());
    different += exists(other) && same_content(entry.path(), other) ? 0 : 1;
  }
  CHECK(different == 0);
}

}  // namespace

TEST_CASE("Five hundred small files go up and come back in few requests", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 500);
  user.make_file("tree/empty", 0);
  user.make_file("tree/exactly", 4096);
  user.make_file("tree/one more", 4097);
  user.make_file("tree/ \n\xff\\ [a,b]", 100);
  user.make_file("tree/" + std::string(250, 'n'), 100);

  const uint64_t before = network.calls("CompressedBatch");
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
  const uint64_t up = network.calls("CompressedBatch");
  CHECK(network.calls("MakeInlineSegment") == 504);
  // 16 groups of 32 at most, and the two requests of the file of 4097 bytes.
  CHECK(up - before <= 20);
  user.must({"cp", "-r", "sj://bucket/t/", user.path("back")});
  // As many, and the listing.
  CHECK(network.calls("CompressedBatch") - up <= 24);
  check_same_trees(user.path("tree"), user.path("back"));
  CHECK(temporary_files(user.path("back")).empty());
  check_limits_were_fresh(network);
}

TEST_CASE("Keys that stand for folders and nested names come back as they were", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (const std::string key : {"p/folder/", "p/a/b/c/d", "p/a/b", "p/x"}) {
    Command command = user.command({"cp", "-", "sj://bucket/" + key});
    command.input = key.ends_with('/') ? "" : key;
    REQUIRE(Child(command).finish().code == 0);
  }
  // "p/a/b" is a file and a folder: one of the two cannot be had.
  const Exit exit = user.run({"cp", "-r", "sj://bucket/p/", user.path("back")});
  CHECK(exit.code == 8);
  CHECK(fs::is_directory(user.path("back/folder")));
  CHECK(file_size(user.path("back/x")) == 3);
}

TEST_CASE("An upload that the satellite refuses gets its own error and the others arrive", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 100);
  // A path of 3000 bytes; encrypted it is longer than the 4000 that keys may have.
  std::string deep = "tree/d3";
  while (deep.size() < 3000) deep += "/" + std::string(50, 'k') + "-" + std::string(49, 'k');
  user.make_file(deep + "/f", 10);
  const Exit exit = user.run({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
  CHECK(exit.code == 8);
  CHECK(exit.err.find("key length is too big") != std::string::npos);
  CHECK(exit.err.find("kkkk") != std::string::npos);
  CHECK(user.list({"-r", "sj://bucket/t/"}).size() == 100);
}

TEST_CASE("One status in a group of uploads is met by repeating, and loses nothing", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 100);
  network.fail_calls("CommitObject", 3, "odd", 1);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
  CHECK(user.list({"-r", "sj://bucket/t/"}).size() == 100);
  network.fail_calls("DownloadObject", 5, "object not found: x", 1);
  user.must({"cp", "-r", "sj://bucket/t/", user.path("back")});
  check_same_trees(user.path("tree"), user.path("back"));
}

TEST_CASE("A connection that is cut under a group is met by repeating it", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 60);
  for (const std::string drop : {"before", "after"}) {
    network.control({{"op", "satellite"}, {"method", "CompressedBatch"}, {"drop", drop}});
    user.must({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
    CHECK(user.list({"-r", "sj://bucket/t/"}).size() == 60);
  }
}

TEST_CASE("Errors that every small file meets do not cost a request each", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  make_tree(user, "tree", 300);
  const Exit missing = user.run({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
  CHECK(missing.code == 3);
  CHECK(network.calls("CompressedBatch") <= 12);
  user.must({"mb", "sj://bucket"});
  network.fail_calls("BeginObject", 8, "Exceeded Storage Limit", 1'000'000);
  const uint64_t before = network.calls("CompressedBatch");
  const Exit full = user.run({"cp", "-r", "-t", "1", user.path("tree"), "sj://bucket/t/"});
  CHECK(full.code == 10);
  CHECK(network.calls("CompressedBatch") - before <= 80);
}

TEST_CASE("A grant that may not delete uploads small files one by one", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 20);
  const std::string shared = user.must(
      {"share", "--readonly=false", "--disallow-deletes", "sj://bucket", "--export-to", user.path("g")});
  user.must({"cp", "-r", "--access", user.path("g"), user.path("tree"), "sj://bucket/t/"});
  CHECK(user.list({"-r", "sj://bucket/t/"}).size() == 20);
  const Exit again = user.run({"cp", "-r", "--access", user.path("g"), user.path("tree"), "sj://bucket/t/"});
  CHECK(again.code == 4);
}

TEST_CASE("A satellite that limits the rate of requests gets every file in the end", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 150);
  network.control({{"op", "ratelimit"}, {"per_second", 200}, {"burst", 100}});
  user.must({"cp", "-r", "-t", "4", user.path("tree"), "sj://bucket/t/"});
  const auto refused = network.stats()["satellite"]["refused_for_rate"].get<uint64_t>();
  CHECK(refused > 0);
  CHECK(refused <= 16);
  user.must({"cp", "-r", "-t", "4", "sj://bucket/t/", user.path("back")});
  check_same_trees(user.path("tree"), user.path("back"));
}

TEST_CASE("SIGINT in the middle of many small downloads leaves whole files only", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  make_tree(user, "tree", 400);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/t/"});
  // Some groups arrive, the others wait for the pace.
  network.control({{"op", "ratelimit"}, {"per_second", 20}, {"burst", 150}});
  Child child(user.command({"cp", "-r", "sj://bucket/t/", user.path("back")}));
  REQUIRE(
      child.wait_until([&] { return exists(user.path("back")) && files_below(user.path("back")) >= 20; }));
  child.signal(SIGINT);
  const auto begin = std::chrono::steady_clock::now();
  const Exit exit = child.finish();
  CHECK(std::chrono::steady_clock::now() - begin < 1500ms);
  check_failure(exit, 130, "interrupted");
  CHECK(temporary_files(user.path("back")).empty());
  for (const auto& entry : fs::recursive_directory_iterator(user.path("back"))) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().string().substr(user.path("back").size());
    CHECK(same_content(user.path("tree") + name, entry.path()));
  }
}

TEST_CASE("Memory does not depend on the number of small files", "[small_files]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const auto peak = [&](int count) {
    const std::string tree = "tree" + std::to_string(count);
    for (int i = 0; i < count; ++i) {
      fs::create_directories(user.path(tree + "/" + std::to_string(i / 1000)));
      std::ofstream(user.path(tree + "/" + std::to_string(i / 1000) + "/" + std::to_string(i))) << i;
    }
    const std::string to = "sj://bucket/" + std::to_string(count) + "/";
    const Exit up = user.run({"cp", "-r", user.path(tree), to});
    CHECK(up.code == 0);
    const Exit down = user.run({"cp", "-r", to, user.path("back" + std::to_string(count))});
    CHECK(down.code == 0);
    CHECK(files_below(user.path("back" + std::to_string(count))) == static_cast<size_t>(count));
    return std::max(up.peak_bytes, down.peak_bytes);
  };
  const uint64_t few = peak(2'000);
  const uint64_t many = peak(6'000);
  CAPTURE(few, many);
  CHECK(many < few + (8 << 20));
}
