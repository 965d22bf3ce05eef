// From sj:// to sj://: the satellite copies what it can, the rest passes through sjcp.

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

// Whether an object is the same as a file.
void check_object(const User& user, const std::string& url, const std::string& file) {
  const std::string back = user.path("back");
  user.must({"cp", url, back});
  INFO(url);
  CHECK(same_content(back, file));
}

}  // namespace

TEST_CASE("The satellite copies objects of every kind, and no byte passes through the nodes", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"mb", "sj://other"});
  const std::map<std::string, uint64_t> sizes{
      {"empty", 0}, {"inline", 4000}, {"remote", 100'000}, {"segments", (64 << 20) + 1'000'000}};
  for (const auto& [name, size] : sizes) {
    user.must({"cp", "--metadata", R"({"of":")" + name + "\"}", user.make_file(name, size, size),
               "sj://bucket/" + name});
  }
  const uint64_t uploads = network.total("uploads_begun");
  for (const auto& [name, size] : sizes) {
    user.must({"cp", "sj://bucket/" + name, "sj://other/deep/in/" + name});
    // Over what is there, and onto itself.
    user.must({"cp", "sj://bucket/" + name, "sj://bucket/target"});
    user.must({"cp", "sj://bucket/" + name, "sj://bucket/" + name});
  }
  CHECK(network.calls("FinishCopyObject") == 3 * sizes.size());
  CHECK(network.total("downloads_begun") == 0);
  CHECK(network.total("uploads_begun") == uploads);
  check_object(user, "sj://bucket/target", user.path("segments"));

  for (const auto& [name, size] : sizes) {
    check_object(user, "sj://bucket/" + name, user.path(name));
    // A copy lives without its original.
    user.must({"rm", "sj://bucket/" + name});
    check_object(user, "sj://other/deep/in/" + name, user.path(name));
    CHECK(user.must({"stat", "--json", "sj://other/deep/in/" + name}).find("\"of\":\"" + name + "\"") !=
          std::string::npos);
  }
  user.must({"cp", "--range", "bytes=67000000-67200000", "sj://other/deep/in/segments", user.path("part")});
  CHECK(is_part(user.path("part"), user.path("segments"), 67'000'000, 200'001));
}

TEST_CASE("A copy may have metadata of its own", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000);
  user.must({"cp", "--metadata", R"({"a":"1","b":"2"})", file, "sj://bucket/from"});
  user.must({"cp", "--metadata", R"({"c":"3"})", "sj://bucket/from", "sj://bucket/to"});
  CHECK(network.calls("FinishCopyObject") == 1);
  const std::string to = user.must({"stat", "--json", "sj://bucket/to"});
  CHECK(to.find(R"({"c":"3"})") != std::string::npos);
  check_object(user, "sj://bucket/to", file);
  CHECK(user.must({"stat", "--json", "sj://bucket/from"}).find(R"("b":"2")") != std::string::npos);
}

TEST_CASE("A tree is copied by the satellite, file by file", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (int i = 0; i < 20; ++i) {
    user.make_file("tree/d" + std::to_string(i % 3) + "/f" + std::to_string(i),
                   static_cast<uint64_t>(i) * 1000, static_cast<uint64_t>(i));
  }
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/a/"});
  const uint64_t uploads = network.total("uploads_begun");
  user.must({"cp", "-r", "sj://bucket/a/", "sj://bucket/b/"});
  CHECK(network.calls("FinishCopyObject") == 20);
  CHECK(network.total("uploads_begun") == uploads);
  user.must({"cp", "-r", "sj://bucket/b/", user.path("back")});
  for (int i = 0; i < 20; ++i) {
    const std::string name = "/d" + std::to_string(i % 3) + "/f" + std::to_string(i);
    CHECK(same_content(user.path("tree" + name), user.path("back" + name)));
  }
}

TEST_CASE("Many copies at a time keep to the rate that the satellite allows", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (int i = 0; i < 200; ++i) user.make_file("tree/" + std::to_string(i), 100);
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/a/"});
  network.control({{"op", "ratelimit"}, {"per_second", 100}, {"burst", 100}});
  user.must({"cp", "-r", "-t", "16", "sj://bucket/a/", "sj://bucket/b/"});
  CHECK(network.stats()["satellite"]["refused_for_rate"].get<uint64_t>() <= 40);
  network.clear_faults();
  CHECK(user.list({"-r", "sj://bucket/b/"}).size() == 200);
}

TEST_CASE("A copy that the connection broke is begun again", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 1000);
  user.must({"cp", file, "sj://bucket/from"});
  for (const std::string method : {"BeginCopyObject", "FinishCopyObject"}) {
    network.control({{"op", "satellite"}, {"method", method}, {"drop", "after"}, {"count", 1}});
    user.must({"cp", "sj://bucket/from", "sj://bucket/" + method});
    check_object(user, "sj://bucket/" + method, file);
  }
}

TEST_CASE("What the satellite cannot copy passes through this process", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000);
  user.must({"cp", file, "sj://bucket/from"});
  uint64_t expected_reads = 0;
  const auto relayed = [&](const std::vector<std::string>& args) {
    const uint64_t uploads = network.total("uploads_begun");
    user.must(args);
    CHECK(network.total("uploads_begun") > uploads);
    CHECK(network.total("downloads_begun") > expected_reads);
    expected_reads = network.total("downloads_begun");
  };
  SECTION("it has no such call") {
    network.fail_calls("BeginCopyObject", 12, "Unimplemented", 1);
    relayed({"cp", "sj://bucket/from", "sj://bucket/to"});
  }
  SECTION("the buckets lie in different places") {
    network.fail_calls("BeginCopyObject", 3,
                       "copying object to bucket with different placement policy is not (yet) supported", 1);
    relayed({"cp", "sj://bucket/from", "sj://bucket/to"});
  }
  SECTION("another place may have the bytes") {
    user.must({"cp", file, "sj://bucket/same"});
    relayed({"cp", "--mirror", "sj://bucket/same", "sj://bucket/from", "sj://bucket/to"});
    CHECK(network.calls("BeginCopyObject") == 0);
  }
  SECTION("the copy is to expire") {
    relayed({"cp", "--expires", "+24h", "sj://bucket/from", "sj://bucket/to"});
    CHECK(network.calls("BeginCopyObject") == 0);
  }
  check_object(user, "sj://bucket/to", file);
}

TEST_CASE("Copies that fail name what is missing or not allowed", "[copy]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 100), "sj://bucket/from"});
  check_failure(user.run({"cp", "sj://bucket/none", "sj://bucket/to"}), 3,
                "sj://bucket/none: object not found");
  check_failure(user.run({"cp", "sj://bucket/from", "sj://absent/to"}), 3, "sj://absent: bucket not found");
  check_failure(user.run({"cp", "sj://absent/from", "sj://bucket/to"}), 3, "sj://absent: bucket not found");
  check_failure(user.run({"cp", "sj://absent/from", "sj://absent/to"}), 3, "sj://absent: bucket not found");
  User guest(network);
  guest.env["SJCP_ACCESS"] = Json::parse(user.must({"share", "--json", "sj://bucket"}))["access"];
  check_failure(guest.run({"cp", "sj://bucket/from", "sj://bucket/to"}), 4, "sj://bucket/to: access denied");
  network.fail_calls("FinishCopyObject", 10005, "object is protected by Object Lock settings", 1);
  check_failure(user.run({"cp", "sj://bucket/from", "sj://bucket/to"}), 9,
                "sj://bucket/to: the object is locked");
}
