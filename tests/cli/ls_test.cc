
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;

namespace {

void fill(World& world) {
  world.cloud.buckets["bucket"] = {
      {"a", {"12345", {{"k", "vvv"}}, storj::Time(std::chrono::seconds(1'800'000'000))}},
      {"dir/one", {std::string(1500, 'x'), {}, {}}},
      {"dir/sub/two", {"2", {}, {}}},
      {"dirt", {"d", {}, {}}}};
}

}  // namespace

TEST_CASE("ls without a location lists buckets as uplink does") {
  World world;
  world.cloud.buckets["one"];
  world.cloud.buckets["two"];
  auto tabbed = world.run({"ls", "--utc"});
  CHECK(tabbed.code == 0);
  CHECK(tabbed.out ==
        "CREATED                NAME\n"
        "2023-11-14 22:13:20    one\n"
        "2023-11-14 22:13:20    two\n");
  auto json = world.run({"ls", "-o", "json"});
  CHECK(json.out ==
        "{\"Name\":\"one\",\"Created\":\"2023-11-14T22:13:20Z\"}\n"
        "{\"Name\":\"two\",\"Created\":\"2023-11-14T22:13:20Z\"}\n");
}

TEST_CASE("ls of nothing prints nothing and succeeds") {
  World world;
  auto buckets = world.run({"ls"});
  CHECK(buckets.code == 0);
  CHECK(buckets.out.empty());
  world.cloud.buckets["bucket"];
  auto objects = world.run({"ls", "sj://bucket"});
  CHECK(objects.code == 0);
  CHECK(objects.out.empty());
}

TEST_CASE("ls of a bucket shows objects and prefixes in columns") {
  World world;
  fill(world);
  CHECK(world.run({"ls", "--utc", "sj://bucket"}).out ==
        "KIND    CREATED                SIZE    KEY\n"
        "OBJ     2023-11-14 22:13:20    5       a\n"
        "PRE                                    dir/\n"
        "OBJ     2023-11-14 22:13:20    1       dirt\n");
}

TEST_CASE("ls of a folder shows names below it, and full keys when recursive") {
  World world;
  fill(world);
  CHECK(world.run({"ls", "--json", "--utc", "sj://bucket/dir/"}).out ==
        "{\"kind\":\"OBJ\",\"created\":\"2023-11-14 22:13:20\",\"size\":1500,\"key\":\"one\"}\n"
        "{\"kind\":\"PRE\",\"key\":\"sub/\"}\n");
  CHECK(world.run({"ls", "-r", "--json", "--utc", "sj://bucket/dir/"}).out ==
        "{\"kind\":\"OBJ\",\"created\":\"2023-11-14 22:13:20\",\"size\":1500,\"key\":\"dir/one\"}\n"
        "{\"kind\":\"OBJ\",\"created\":\"2023-11-14 22:13:20\",\"size\":1,\"key\":\"dir/sub/two\"}\n");
}

TEST_CASE("ls of a name without a slash shows that object or folder and not its namesakes") {
  World world;
  fill(world);
  auto one = world.run({"ls", "--json", "sj://bucket/dir"}).out_json();
  REQUIRE(one.size() == 1);
  CHECK(one[0]["key"] == "dir/");
  auto all = world.run({"ls", "-r", "--json", "sj://bucket/dir"}).out_json();
  REQUIRE(all.size() == 2);
  CHECK(all[0]["key"] == "dir/one");
  CHECK(world.run({"ls", "--json", "sj://bucket/a"}).out_json().size() == 1);
  CHECK(world.run({"ls", "-r", "--json", "sj://bucket/a"}).out_json().size() == 1);
  CHECK(world.run({"ls", "sj://bucket/none"}).out.empty());
}

TEST_CASE("ls -r of a name lists what is below even if the access may not read the object") {
  World world;
  fill(world);
  world.cloud.fail.emplace("stat", make_error(Errc::kDenied, "sj://bucket/dir: permission denied"));
  CHECK(world.run({"ls", "-r", "--json", "sj://bucket/dir"}).out_json().size() == 2);
  CHECK(world.run({"ls", "-r", "--json", "sj://bucket/none"}).code == 4);
}

TEST_CASE("ls shows expiry and metadata size when expanded, sizes for people on request") {
  World world;
  fill(world);
  CHECK(world.run({"ls", "-x", "--utc", "sj://bucket/a"}).out ==
        "KIND    CREATED                SIZE    KEY    EXPIRES                META\n"
        "OBJ     2023-11-14 22:13:20    5       a      2027-01-15 08:00:00    4\n");
  auto json = world.run({"ls", "-x", "--utc", "--json", "sj://bucket/a"}).out_json().at(0);
  CHECK(json["expires"] == "2027-01-15 08:00:00");
  CHECK(json["meta"] == 4);
  CHECK(world.run({"ls", "-H", "sj://bucket/dir/"}).out.find("1.46 KiB") != std::string::npos);
}

TEST_CASE("ls --pending lists uploads in progress") {
  World world;
  fill(world);
  world.cloud.pending["bucket"] = {"half"};
  auto items = world.run({"ls", "--pending", "--json", "sj://bucket"}).out_json();
  REQUIRE(items.size() == 1);
  CHECK(items[0]["key"] == "half");
}

TEST_CASE("ls writes valid JSON whatever bytes a key has") {
  World world;
  world.cloud.buckets["bucket"] = {{std::string("bad\xff\xfe\"\n\x01", 8), {"", {}, {}}}};
  auto items = world.run({"ls", "--json", "sj://bucket"}).out_json();
  REQUIRE(items.size() == 1);
  CHECK(items[0]["key"] == "bad\xEF\xBF\xBD\xEF\xBF\xBD\"\n\x01");
}

TEST_CASE("ls fails with the code of the cause") {
  World world;
  CHECK(world.run({"ls", "sj://missing"}).code == 3);
  CHECK(world.run({"ls", "sj://missing"}).err == "sjcp: sj://missing: bucket not found\n");
  world.cloud.fail.emplace("list_buckets", make_error(Errc::kNetwork, "satellite: connection refused"));
  CHECK(world.run({"ls"}).code == 5);
  CHECK(world.run({"ls", "some/folder"}).code == 2);
  CHECK(world.run({"ls", "sj://UPPER"}).code == 2);
}
