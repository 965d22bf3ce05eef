#include "net/storj/node_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/base/private_file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using namespace std::chrono_literals;
using storj::NodeHistory;
using test::TempFolder;
using Names = std::set<std::string>;
using Verdict = NodeHistory::Verdict;

namespace {

constexpr Clock::Wall kNow{480'000h};

std::vector<NodeHistory::Finding> found(uint8_t number, Verdict verdict) {
  return {{*access::NodeId::from_bytes(Bytes(access::NodeId::kSize, number)), verdict, kNow}};
}

}  // namespace

TEST_CASE("What runs find is added up in a private file, whose folder is made") {
  TempFolder folder;
  const std::string path = folder / "cache/sjcp/nodes";
  CHECK(storj::load_nodes(path) == NodeHistory());
  storj::keep_nodes(path, found(1, Verdict::kPoor), kNow);
  storj::keep_nodes(path, found(2, Verdict::kPoor), kNow);
  CHECK(storj::load_nodes(path).poor(kNow).size() == 2);
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  REQUIRE(::stat((folder / "cache/sjcp").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
  storj::keep_nodes(path, found(1, Verdict::kWell), kNow);
  CHECK(storj::load_nodes(path).poor(kNow).size() == 1);
}

TEST_CASE("Nothing is written where nothing has changed") {
  TempFolder folder;
  const std::string path = folder / "sjcp/nodes";
  storj::keep_nodes(path, {}, kNow);
  storj::keep_nodes(path, found(1, Verdict::kWell), kNow);
  CHECK(folder.names().empty());
}

TEST_CASE("A file that is damaged, foreign or too large is replaced by what was found") {
  TempFolder folder;
  const std::string path = folder / "nodes";
  storj::keep_nodes(path, found(1, Verdict::kPoor), kNow);
  const std::string whole = *read_private_file(path);
  for (const std::string& bytes :
       {std::string(), std::string("garbage"), whole.substr(1), whole + whole, std::string(1 << 20, 'x')}) {
    REQUIRE(replace_private_file(path, bytes));
    CHECK(storj::load_nodes(path) == NodeHistory());
    storj::keep_nodes(path, found(1, Verdict::kPoor), kNow);
    CHECK(read_private_file(path) == whole);
  }
  CHECK(folder.names() == Names{"nodes"});
}

TEST_CASE("Where nothing can be written nothing is kept") {
  TempFolder folder;
  std::ofstream(folder / "file") << "x";
  storj::keep_nodes(folder / "file/sjcp/nodes", found(1, Verdict::kPoor), kNow);
  std::filesystem::create_directories(folder / "folder/nodes");
  storj::keep_nodes(folder / "folder/nodes", found(1, Verdict::kPoor), kNow);
  CHECK(folder.names() == Names{"file", "folder"});
  CHECK(std::filesystem::is_empty(folder / "folder/nodes"));
}

TEST_CASE("Runs that end at the same time leave a whole file") {
  TempFolder folder;
  const std::string path = folder / "nodes";
  std::vector<std::thread> runs;
  for (uint8_t i = 0; i < 8; ++i) {
    runs.emplace_back([&path, i] {
      for (uint8_t turn = 0; turn < 20; ++turn) {
        storj::keep_nodes(path, found(static_cast<uint8_t>(20 * i + turn), Verdict::kPoor), kNow);
      }
    });
  }
  for (auto& run : runs) run.join();
  const auto bytes = read_private_file(path);
  REQUIRE(bytes);
  CHECK(NodeHistory::parse(*bytes));
  // Whoever read before others wrote, and writes after them, takes back what they found.
  CHECK_FALSE(storj::load_nodes(path).poor(kNow).empty());
  CHECK(folder.names() == Names{"nodes"});
}
