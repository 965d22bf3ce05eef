// Nodes that misbehave: copies succeed while enough others are left, and fail clearly when not.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;

namespace {

struct NodeTrouble {
  const char* name;
  Json faults;
};

// What a node does wrong at once; others are waited for.
std::vector<NodeTrouble> quick_faults() {
  return {{"down", {{"down", true}}},
          {"refuse", {{"refuse", true}}},
          {"wrong identity", {{"wrong_identity", true}}},
          {"status", {{"status", {{"code", 14}, {"text", "overloaded"}}}}}};
}

// A file that was there before a download that must fail, and a copy of it to compare with.
struct Kept {
  explicit Kept(const User& user)
      : file(user.make_file("kept", 500, 7)), copy(user.make_file("copy", 500, 7)) {}
  std::string file;
  std::string copy;
};

constexpr uint64_t kSegment = 64 << 20;

// More nodes than pieces, so that others can take the place of failed ones.
const std::vector<std::string> kSpareNodes{"--nodes", "16", "--rs", "4/6/8/10"};

// An upload is offered every node, and needs two of three.
const std::vector<std::string> kAllOffered{"--nodes", "12", "--rs", "4/6/8/12"};

// Every object has a piece on every node, so that the others are always enough.
const std::vector<std::string> kPieceEverywhere{"--nodes", "12", "--rs", "4/6/10/12"};

// A user's downloads of the same objects, each by a process of its own, from a network whose first nodes have
// these faults.  The others take long enough for silence to show.
struct Processes {
  explicit Processes(const std::vector<Json>& faults) : network(kPieceEverywhere), user(network) {
    user.must({"mb", "sj://bucket"});
    for (uint64_t i = 0; i < 8; ++i) user.make_file("tree/" + std::to_string(i), kSize, i);
    user.must({"cp", "-r", user.path("tree"), "sj://bucket/"});
    network.fault_all({{"bytes_per_second", 2'000'000}});
    for (size_t i = 0; i < faults.size(); ++i) {
      network.control({{"op", "node"}, {"nodes", {i}}, {"faults", faults[i]}});
    }
    bad = faults.size();
  }
  // How often the bad nodes are asked by so many more processes, one after another.
  uint64_t asks(int processes) {
    const uint64_t before = asked();
    for (int process = 0; process < processes; ++process) {
      user.must({"cp", "-r", "-t", "8", "sj://bucket/", user.path("back")});
      for (int i = 0; i < 8; ++i) {
        CHECK(same_content(user.path("tree/" + std::to_string(i)), user.path("back/" + std::to_string(i))));
      }
    }
    return asked() - before;
  }
  uint64_t asked() {
    const Json stats = network.stats();
    uint64_t sum = 0;
    for (size_t i = 0; i < bad; ++i) sum += stats["nodes"][i]["downloads_begun"].get<uint64_t>();
    return sum;
  }
  std::string memory() const { return user.path("home/.cache/sjcp/nodes"); }

  static constexpr uint64_t kSize = 4'000'000;
  LocalNetwork network;
  User user;
  size_t bad = 0;
};

const std::vector<Json> kPoorService{{{"stall_after", 300'000}}, {{"stall_after", 0}}, {{"short_after", 0}}};
// A process may be lucky and not meet a bad node, one in ten; not that many.
constexpr int kEnough = 4;

}  // namespace

TEST_CASE("A download succeeds while enough pieces are on good nodes", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 2'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  auto faults = quick_faults();
  faults.push_back({"short piece", {{"short_after", 1000}}});
  faults.push_back({"empty piece", {{"short_after", 0}}});
  for (const auto& [name, what] : faults) {
    // Eight pieces are stored, four are needed.
    for (const size_t count : {size_t{1}, size_t{4}}) {
      CAPTURE(name, count);
      network.fault_first(count, what);
      const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
      CAPTURE(exit.err);
      CHECK(exit.code == 0);
      CHECK(exit.err.empty());
      CHECK(exit.time < 5s);
      CHECK(same_content(file, user.path("back")));
    }
  }
  check_limits_were_fresh(network);
}

TEST_CASE("Over Noise bytes are the same, and who has a new key, or another identity, is found out",
          "[nodes]") {
  LocalNetwork network(kAllOffered);
  User user(network);
  user.must({"mb", "sj://bucket"});
  // Of two segments the first is full, and goes over TLS.
  const std::string large = user.make_file("large", kSegment + 1'000'000);
  const std::string file = user.make_file("file", 5'000'000, 2);
  const auto speaks_noise = [&network](const auto& action) {
    const uint64_t before = network.total("noise_connections");
    action();
    return network.total("noise_connections") - before;
  };
  CHECK(speaks_noise([&] { user.must({"cp", file, "sj://bucket/object"}); }) >= 8);
  user.must({"cp", large, "sj://bucket/large"});
  CHECK(speaks_noise([&] {
          user.must({"cp", "sj://bucket/object", user.path("back")});
          CHECK(same_content(file, user.path("back")));
          user.must({"cp", "sj://bucket/large", user.path("back")});
          CHECK(same_content(large, user.path("back")));
        }) >= 4 + 2 * 4);
  check_limits_were_fresh(network);

  // With a new key a node is asked over TLS; one with another identity is not asked at all.
  for (const char* fault : {"new_noise_key", "wrong_identity"}) {
    CAPTURE(fault);
    network.fault_first(4, {{fault, true}});
    const uint64_t failed = network.total("handshakes_failed");
    user.must({"cp", file, "sj://bucket/" + std::string(fault)});
    user.must({"cp", "sj://bucket/" + std::string(fault), user.path("back")});
    CHECK(same_content(file, user.path("back")));
    // A node may still read what an upload that had enough pieces left on the connection.
    CHECK(network.wait_until([&] { return network.total("handshakes_failed") > failed; }));
  }
  network.fault_all({{"new_noise_key", true}});
  user.must({"cp", file, "sj://bucket/tls"});
  user.must({"cp", "sj://bucket/tls", user.path("back")});
  CHECK(same_content(file, user.path("back")));
  network.clear_faults();
  check_limits_were_fresh(network);

  user.env["SJCP_NOISE"] = "off";
  CHECK(speaks_noise([&] {
          user.must({"cp", file, "sj://bucket/off"});
          user.must({"cp", "sj://bucket/off", user.path("back")});
        }) == 0);
}

TEST_CASE("Nodes that do not offer Noise are asked over TLS", "[nodes]") {
  LocalNetwork network({"--noise", "off"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 5'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", user.path("back")});
  CHECK(same_content(file, user.path("back")));
  CHECK(network.total("noise_connections") == 0);
}

TEST_CASE("A stalled or slow node is replaced by a spare without waiting for it", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  for (const Json& faults : {Json{{"stall_after", 0}}, Json{{"stall_after", 100'000}},
                             Json{{"stall_after", 1'000'000}}, Json{{"bytes_per_second", 100'000}}}) {
    CAPTURE(faults.dump());
    network.fault_first(1, faults);
    // Which pieces are offered is up to the satellite: some of these meet the node.
    for (int i = 0; i < 4; ++i) {
      const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
      CHECK(exit.code == 0);
      CHECK(exit.time < 5s);
      CHECK(same_content(file, user.path("back")));
    }
  }
  check_limits_were_fresh(network);
}

TEST_CASE("Nodes that go down in the middle of a download are replaced", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 10'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  network.fault_all({{"bytes_per_second", 4'000'000}});
  const uint64_t begun = network.total("downloads_begun");
  Child child(user.command({"cp", "sj://bucket/object", user.path("back")}));
  REQUIRE(child.wait_until([&] { return network.total("downloads_begun") >= begun + 5; }));
  network.fault_first(4, {{"down", true}});
  const Exit exit = child.finish();
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(exit.time < 10s);
  CHECK(same_content(file, user.path("back")));
  check_limits_were_fresh(network);
}

TEST_CASE("Nodes that go down in the middle of an upload are replaced", "[nodes]") {
  LocalNetwork network(kSpareNodes);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 10'000'000);
  network.fault_all({{"bytes_per_second", 4'000'000}});
  Child child(user.command({"cp", file, "sj://bucket/object"}));
  REQUIRE(child.wait_until([&] { return network.total("uploads_begun") >= 10; }));
  network.fault_first(6, {{"down", true}});
  const Exit exit = child.finish();
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(exit.time < 10s);
  network.clear_faults();
  user.must({"cp", "sj://bucket/object", user.path("back")});
  CHECK(same_content(file, user.path("back")));
  check_limits_were_fresh(network);
}

TEST_CASE("More bad nodes than spares are replaced by new limits", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 4'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  // A megabyte comes from each; five pieces are offered, eight are stored.
  for (const Json& faults :
       {Json{{"stall_after", 200'000}}, Json{{"stall_after", 0}}, Json{{"bytes_per_second", 20'000}}}) {
    CAPTURE(faults.dump());
    network.fault_first(4, faults);
    for (int i = 0; i < 3; ++i) {
      const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
      CAPTURE(exit.err);
      CHECK(exit.code == 0);
      CHECK(exit.time < 6s);
      CHECK(same_content(file, user.path("back")));
    }
  }
  check_limits_were_fresh(network);
}

TEST_CASE("A node that is late in its first segment is not asked first in those that follow", "[nodes]") {
  LocalNetwork network(kSpareNodes);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 4 * kSegment);
  user.must({"cp", file, "sj://bucket/object"});
  network.fault_first(3, {{"stall_after", 1'000'000}});
  const uint64_t sent = network.total("bytes_sent");
  const Exit exit = user.run({"cp", "-p", "1", "sj://bucket/object", user.path("back")});
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(exit.time < 10s);
  CHECK(same_content(file, user.path("back")));
  CHECK(network.total("bytes_sent") - sent < 4 * kSegment * 115 / 100);
}

TEST_CASE("Nodes that served one process badly are not asked first by the next", "[nodes]") {
  Processes processes(kPoorService);
  int first = 0;
  while (first < 4 * kEnough && processes.asks(kEnough) != 0) first += kEnough;
  CHECK(first < 4 * kEnough);
  struct stat info{};
  REQUIRE(::stat(processes.memory().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(info.st_size < 500);

  // A process that does not want to know meets them again.
  const std::string kept = processes.memory() + ".kept";
  std::filesystem::rename(processes.memory(), kept);
  std::filesystem::copy_file(kept, processes.memory());
  processes.user.env["SJCP_NODE_MEMORY"] = "off";
  CHECK(processes.asks(kEnough) > 0);
  CHECK(same_content(processes.memory(), kept));
}

TEST_CASE("Downloads do not need a memory of nodes", "[nodes]") {
  Processes processes(kPoorService);
  SECTION("that is not wanted") {
    processes.user.env["SJCP_NODE_MEMORY"] = "off";
  }
  SECTION("without a folder") {
    processes.user.env.erase("HOME");
  }
  SECTION("where none can be made") {
    std::filesystem::remove_all(processes.user.path("home/.cache"));
    std::ofstream(processes.user.path("home/.cache")) << "a file";
  }
  processes.asks(2);
  CHECK_FALSE(exists(processes.memory()));
}

TEST_CASE("A damaged memory of nodes is as good as none, and is replaced", "[nodes]") {
  Processes processes(kPoorService);
  std::filesystem::create_directories(processes.user.path("home/.cache/sjcp"));
  std::ofstream(processes.memory()) << "garbage";
  for (int i = 0; i < 4 * kEnough && file_size(processes.memory()) == 7; ++i) processes.asks(1);
  CHECK(file_size(processes.memory()) > 7);
  processes.network.clear_faults();
  for (const std::string& garbage : {std::string(), std::string(200'000, 'x')}) {
    std::ofstream(processes.memory(), std::ios::trunc) << garbage;
    processes.asks(1);
  }
}

TEST_CASE("Pieces that are gone end a download at once, and the file there is left alone", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  const Kept kept(user);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 300'000), "sj://bucket/object"});
  network.control({{"op", "delete_pieces"}, {"bucket", "bucket"}, {"keep", 3}});
  const Exit exit = user.run({"cp", "sj://bucket/object", kept.file});
  check_failure(exit, 5, "sj://bucket/object");
  CHECK(exit.time < 2s);
  CHECK(same_content(kept.file, kept.copy));
}

TEST_CASE("Wrong pieces are corrected without waiting for a slow node", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 3'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  network.control({{"op", "node"}, {"nodes", {0}}, {"faults", {{"flip", true}}}});
  network.control({{"op", "node"}, {"nodes", {1}}, {"faults", {{"bytes_per_second", 20'000}}}});
  for (int i = 0; i < 6; ++i) {
    const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(exit.time < 6s);
    CHECK(same_content(file, user.path("back")));
  }
}

TEST_CASE("Wrong pieces are corrected and their nodes named", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (int i = 0; i < 24; ++i) user.make_file("tree/" + std::to_string(i), 30'000, static_cast<uint64_t>(i));
  user.must({"cp", "-r", "-t", "8", user.path("tree"), "sj://bucket/"});
  // Two wrong ones of eight pieces are as many as can be told apart.
  network.fault_first(2, {{"flip", true}});
  const Exit exit = user.run({"cp", "-r", "-t", "8", "sj://bucket/", user.path("back")});
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  for (int i = 0; i < 24; ++i) {
    CHECK(same_content(user.path("tree/" + std::to_string(i)), user.path("back/" + std::to_string(i))));
  }
  for (size_t node = 0; node < network.nodes(); ++node) {
    CHECK((exit.err.find(network.node_id(node)) != std::string::npos) == (node < 2));
  }
  check_limits_were_fresh(network);
}

TEST_CASE("A single wrong bit far into a large object is corrected", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 80'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  network.fault_first(2, {{"flip_offset", 3'000'000}});
  for (int i = 0; i < 3; ++i) {
    const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(same_content(file, user.path("back")));
  }
}

TEST_CASE("Too many wrong pieces end a download as a matter of integrity", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  const Kept kept(user);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 300'000), "sj://bucket/object"});
  network.fault_all({{"flip", true}});
  check_failure(user.run({"cp", "sj://bucket/object", kept.file}), 6, "sj://bucket/object");
  CHECK(same_content(kept.file, kept.copy));
  CHECK(temporary_files(user.folder.path()).empty());
}

TEST_CASE("That all pieces are wrong is told without waiting for a slow one", "[nodes]") {
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 3'000'000), "sj://bucket/object"});
  network.fault_all({{"flip", true}});
  for (size_t slow = 0; slow < 12; slow += 3) {
    network.control(
        {{"op", "node"}, {"nodes", {slow}}, {"faults", {{"flip", true}, {"bytes_per_second", 2'000}}}});
  }
  const Exit exit = user.run({"cp", "sj://bucket/object", user.path("back")});
  check_failure(exit, 6, "sj://bucket/object");
  CHECK(exit.time < 10s);
}

TEST_CASE("Too few nodes end a download and leave the file there alone", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  const Kept kept(user);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 300'000), "sj://bucket/object"});
  // Each is tried six times, with pauses.
  for (const Json& what : {Json{{"down", true}}, Json{{"wrong_identity", true}}}) {
    CAPTURE(what.dump());
    network.fault_all(what);
    const Exit exit = user.run({"cp", "sj://bucket/object", kept.file});
    check_failure(exit, 5, "sj://bucket/object");
    CHECK(exit.time < 20s);
    CHECK(same_content(kept.file, kept.copy));
  }
  CHECK(temporary_files(user.folder.path()).empty());
  check_limits_were_fresh(network);
}

TEST_CASE("An upload goes around bad nodes", "[nodes]") {
  LocalNetwork network(kSpareNodes);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 500'000);
  auto faults = quick_faults();
  faults.push_back({"wrong hash", {{"wrong_hash", true}}});
  faults.push_back({"bad signature", {{"bad_signature", true}}});
  for (const auto& [name, what] : faults) {
    CAPTURE(name);
    network.fault_first(5, what);
    for (int i = 0; i < 4; ++i) {
      const Exit exit = user.run({"cp", file, "sj://bucket/object"});
      CAPTURE(exit.err);
      CHECK(exit.code == 0);
      CHECK(exit.err.empty());
      CHECK(exit.time < 5s);
    }
    network.clear_faults();
    user.must({"cp", "sj://bucket/object", user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
  // With five bad ones of sixteen, an offer of ten lacks eight good ones about every other time.
  CHECK(network.calls("RetryBeginSegmentPieces") > 0);
  check_limits_were_fresh(network);
}

TEST_CASE("An upload succeeds as long as so many nodes are good as have to take a piece", "[nodes]") {
  // Eight of twelve, and eight are needed; ten are offered at first.
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000);
  for (const auto& [name, what] : quick_faults()) {
    CAPTURE(name);
    network.fault_first(4, what);
    for (int i = 0; i < 25; ++i) {
      const Exit exit = user.run({"cp", file, "sj://bucket/object"});
      CAPTURE(exit.err);
      REQUIRE(exit.code == 0);
    }
  }
}

TEST_CASE("An upload to too few nodes says how many there are, and names a node once", "[nodes]") {
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  network.fault_first(8, {{"down", true}});
  const Exit exit = user.run({"cp", user.make_file("file", 20'000), "sj://bucket/object"});
  check_failure(exit, 5, "sj://bucket/object");
  CHECK(exit.err.find("only 4 of the 8 pieces needed can be stored") != std::string::npos);
  const size_t node = exit.err.find("127.0.0.1:");
  REQUIRE(node != std::string::npos);
  const std::string address = exit.err.substr(node, exit.err.find_first_of(" )", node) - node);
  CHECK(exit.err.find(address, node + 1) == std::string::npos);
}

TEST_CASE("Where nodes are full, that is what is said, also of those that are offered again", "[nodes]") {
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000);
  network.fault_first(4, {{"full", true}});
  user.must({"cp", file, "sj://bucket/object"});
  network.fault_first(6, {{"full", true}});
  const Exit exit = user.run({"cp", file, "sj://bucket/object"});
  check_failure(exit, 5, "sj://bucket/object");
  CHECK(exit.err.find("not enough available disk space") != std::string::npos);
  CHECK(exit.err.find("used serial") == std::string::npos);
}

TEST_CASE("The clock of this machine may be wrong", "[nodes]") {
  LocalNetwork network({"--clock-offset", "-31536000"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000);
  user.must({"cp", file, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("A piece with a wrong hash does not count as stored", "[nodes]") {
  LocalNetwork network(kSpareNodes);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 500'000);
  network.fault_first(5, {{"wrong_hash", true}});
  for (int i = 0; i < 5; ++i) user.must({"cp", file, "sj://bucket/object" + std::to_string(i)});
  // Were pieces of the first five among the eight, fewer than four would be left.
  network.fault_first(9, {{"down", true}});
  for (int i = 0; i < 5; ++i) {
    const Exit exit = user.run({"cp", "sj://bucket/object" + std::to_string(i), user.path("back")});
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(same_content(file, user.path("back")));
  }
}

TEST_CASE("An upload does not wait for its slowest nodes", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 20'000'000);
  for (const Json& faults :
       {Json{{"stall_after", 0}}, Json{{"stall_after", 300'000}}, Json{{"bytes_per_second", 50'000}}}) {
    CAPTURE(faults.dump());
    network.fault_first(2, faults);
    const Exit exit = user.run({"cp", file, "sj://bucket/object"});
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(exit.time < 5s);
    user.must({"cp", "sj://bucket/object", user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
  check_limits_were_fresh(network);
}

TEST_CASE("Too few nodes end an upload, and nothing of it stays", "[nodes]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000'000);
  auto faults = quick_faults();
  faults.push_back({"wrong hash", {{"wrong_hash", true}}});
  for (const auto& [name, what] : faults) {
    CAPTURE(name);
    network.fault_all(what);
    const Exit exit = user.run({"cp", file, "sj://bucket/object"});
    check_failure(exit, 5, "sj://bucket/object");
    CHECK(exit.time < 20s);
    CHECK(user.list({"-r", "sj://bucket/"}).empty());
    CHECK(user.list({"--pending", "-r", "sj://bucket/"}).empty());
  }
  CHECK(network.calls("BeginDeleteObject") >= faults.size());
  check_limits_were_fresh(network);
}
