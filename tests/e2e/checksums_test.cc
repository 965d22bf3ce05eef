// Checksums of objects: written where the satellite takes them, verified, and left out where it does not.
#include <filesystem>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

constexpr uint64_t kMiB = 1 << 20;

}  // namespace

TEST_CASE("objects of every size have a checksum, and what comes back is compared with it", "[checksums]") {
  LocalNetwork network({"--checksums", "on"});
  User user(network);
  user.must({"mb", "sj://bucket"});
  const std::vector<uint64_t> sizes{0, 1, 4096, 4097, 3 * kMiB, 130 * kMiB + 5};
  for (const uint64_t size : sizes) {
    const std::string name = std::to_string(size);
    const std::string file = user.make_file(name, size, size + 1);
    user.must({"cp", file, "sj://bucket/" + name});
    user.must({"cp", "sj://bucket/" + name, user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
  const Json found = network.control({{"op", "checksums"}, {"bucket", "bucket"}});
  CHECK(found["with"] == sizes.size());
  CHECK(found["without"] == 0);
  // A copy keeps it, with other metadata, too.
  user.must({"cp", "--metadata", R"({"a":"b"})", "sj://bucket/3145728", "sj://bucket/copy"});
  user.must({"cp", "sj://bucket/copy", user.path("back")});
  CHECK(network.control({{"op", "checksums"}, {"bucket", "bucket"}})["without"] == 0);
}

TEST_CASE(
    "an object that consists of an older one's segments is noticed, though every byte is as it was sealed",
    "[checksums]") {
  LocalNetwork network({"--checksums", "on"});
  User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("old", 100'000, 1), "sj://bucket/file"});
  network.control({{"op", "mix_up_versions"}, {"bucket", "bucket"}});
  user.must({"cp", user.make_file("new", 100'000, 2), "sj://bucket/file"});
  network.control({{"op", "mix_up_versions"}, {"bucket", "bucket"}});
  check_failure(user.run({"cp", "sj://bucket/file", user.path("back")}), 6, "sj://bucket/file");
  CHECK_FALSE(exists(user.path("back")));
}

TEST_CASE("a satellite that takes none is asked once a week", "[checksums]") {
  LocalNetwork network;
  User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000, 1);
  user.must({"cp", file, "sj://bucket/a"});
  const uint64_t first = network.calls("BeginObject");
  CHECK(first == 2);
  user.must({"cp", file, "sj://bucket/b"});
  CHECK(network.calls("BeginObject") == first + 1);
  user.must({"cp", "sj://bucket/a", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}
