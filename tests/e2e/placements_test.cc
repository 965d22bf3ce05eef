// Buckets with redundancy schemes of their own, as the network's placements give them, and objects of
// several.
#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

constexpr uint64_t kMiB = 1 << 20;

const std::vector<std::string> kManyPlacements{
    "--nodes", "40",           "--rs", "29/35/36/40", "--ec", "sixteen=16/20/30/38",
    "--ec",    "four=4/5/6/7", "--ec", "two=2/3/4/5", "--ec", "mixed=16/20/30/38,4/5/6/7,2/3/4/5"};

// There and back, with nodes down: as many as the scheme can do without.
void there_and_back(User& user, const std::string& bucket, uint64_t size) {
  CAPTURE(bucket, size);
  const std::string file = user.make_file(bucket, size, size);
  user.must({"cp", file, "sj://" + bucket + "/f"});
  user.must({"cp", "sj://" + bucket + "/f", user.path("back")});
  CHECK(same_content(file, user.path("back")));
  user.must({"cp", "--range", "bytes=100000-899999", "sj://" + bucket + "/f", user.path("part")});
  CHECK(std::filesystem::file_size(user.path("part")) == 800'000);
}

}  // namespace

TEST_CASE("every bucket's scheme is used as the satellite gives it", "[placements]") {
  LocalNetwork network(kManyPlacements);
  User user(network);
  for (const char* bucket : {"usual", "sixteen", "four", "two"}) {
    user.must({"mb", std::string("sj://") + bucket});
    there_and_back(user, bucket, 3 * kMiB + 1);
  }
}

TEST_CASE(
    "an object whose segments have different schemes comes back whole, without the nodes that each can spare",
    "[placements]") {
  LocalNetwork network(kManyPlacements);
  User user(network);
  user.must({"mb", "sj://mixed"});
  const std::string file = user.make_file("mixed", 130 * kMiB, 3);
  user.must({"cp", file, "sj://mixed/f"});
  // Of the smallest, two of at least four pieces are needed.
  network.control({{"op", "delete_pieces"}, {"bucket", "mixed"}, {"keep", 16}});
  user.must({"cp", "sj://mixed/f", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("objects of one bucket keep the scheme that they were stored with", "[placements]") {
  LocalNetwork network(kManyPlacements);
  User user(network);
  user.must({"mb", "sj://bkt"});
  const std::string before = user.make_file("tree/before", 2 * kMiB, 1);
  user.must({"cp", before, "sj://bkt/before"});
  network.control({{"op", "placement"}, {"bucket", "bkt"}, {"ec", "4/5/6/7"}});
  const std::string after = user.make_file("tree/after", 2 * kMiB, 2);
  user.must({"cp", after, "sj://bkt/after"});
  user.must({"cp", "-r", "sj://bkt/", user.path("back/")});
  CHECK(same_content(before, user.path("back/before")));
  CHECK(same_content(after, user.path("back/after")));
}

TEST_CASE("an upload goes on until a placement's cohort is satisfied", "[placements]") {
  // Seven of eight nodes of two owners; without those of the more frequent one, three must have stored a
  // piece: so all of one owner's and three of the other's.
  LocalNetwork network({"--nodes", "8", "--rs", "2/3/4/8", "--owners", "2", "--cohort", "bkt=owner:1:3"});
  User user(network);
  user.must({"mb", "sj://bkt"});
  // The nodes of one owner are the slower ones: by number alone the upload would end with the others.
  network.control({{"op", "node"}, {"nodes", {1, 3, 5, 7}}, {"faults", {{"bytes_per_second", 400'000}}}});
  const std::string file = user.make_file("f", 600'000, 1);
  for (int i = 0; i < 5; ++i) user.must({"cp", file, "sj://bkt/" + std::to_string(i)});
  user.must({"cp", "sj://bkt/4", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}
