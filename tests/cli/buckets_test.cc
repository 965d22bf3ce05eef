
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;

TEST_CASE("mb creates a bucket silently") {
  World world;
  auto made = world.run({"mb", "sj://fresh"});
  CHECK(made.code == 0);
  CHECK(made.out.empty());
  CHECK(made.err.empty());
  CHECK(world.cloud.buckets.count("fresh") == 1);
}

TEST_CASE("mb of an existing bucket is a conflict, of a bad name wrong usage") {
  World world;
  world.cloud.buckets["taken"];
  CHECK(world.run({"mb", "sj://taken"}).code == 9);
  CHECK(world.run({"mb", "sj://Bad_Name"}).code == 2);
  CHECK(world.run({"mb", "sj://ok/key"}).code == 2);
  CHECK(world.run({"mb", "plain"}).code == 2);
  CHECK(world.run({"mb", "sj://"}).code == 2);
}

TEST_CASE("rb removes an empty bucket, and a full one only by force") {
  World world;
  world.cloud.buckets["full"]["key"];
  auto refused = world.run({"rb", "sj://full"});
  CHECK(refused.code == 9);
  CHECK(refused.err == "sjcp: sj://full: bucket not empty; use --force to delete what is in it\n");
  auto forced = world.run({"rb", "--force", "sj://full"});
  CHECK(forced.code == 0);
  CHECK(forced.out == "Bucket \"full\" has been deleted.\n");
  CHECK(world.cloud.buckets.empty());
  CHECK(world.run({"rb", "sj://full"}).code == 3);
}

TEST_CASE("rm removes one object and says so") {
  World world;
  world.cloud.buckets["bucket"] = {{"a", {}}, {"b", {}}};
  auto removed = world.run({"rm", "sj://bucket/a"});
  CHECK(removed.code == 0);
  CHECK(removed.out == "removed sj://bucket/a\n");
  CHECK(world.cloud.buckets["bucket"].size() == 1);
  CHECK(world.run({"rm", "sj://bucket/a"}).code == 3);
  CHECK(world.run({"rm", "sj://bucket"}).code == 2);
  CHECK(world.run({"rm", "local"}).code == 2);
}

TEST_CASE("rm of several objects goes on after a failure and returns 8") {
  World world;
  world.cloud.buckets["bucket"] = {{"a", {}}, {"b", {}}};
  auto removed = world.run({"rm", "sj://bucket/a", "sj://bucket/x", "sj://bucket/b"});
  CHECK(removed.code == 8);
  CHECK(world.cloud.buckets["bucket"].empty());
  CHECK(removed.err == "sjcp: sj://bucket/x: object not found\n");
}

TEST_CASE("rm -r removes everything below a prefix in batches") {
  World world;
  auto& objects = world.cloud.buckets["bucket"];
  for (int i = 0; i < 1234; ++i) objects["dir/" + std::to_string(i)];
  objects["dirt"];
  auto removed = world.run({"rm", "-r", "sj://bucket/dir/"});
  CHECK(removed.code == 0);
  CHECK(world.cloud.delete_batches == std::vector<size_t>{500, 500, 234});
  CHECK(objects.size() == 1);
  CHECK(objects.count("dirt") == 1);
}

TEST_CASE("rm -r of a name spares its namesakes") {
  World world;
  world.cloud.buckets["bucket"] = {{"dir", {}}, {"dir/a", {}}, {"dirt", {}}};
  CHECK(world.run({"rm", "-r", "sj://bucket/dir"}).code == 0);
  CHECK(world.cloud.buckets["bucket"].size() == 1);
}

TEST_CASE("rm -r names each object that could not be removed and returns 8") {
  World world;
  world.cloud.buckets["bucket"] = {{"d/a", {}}, {"d/b", {}}, {"d/c", {}}};
  world.cloud.fail.emplace("delete d/b", make_error(Errc::kDenied, "sj://bucket/d/b: permission denied"));
  world.cloud.fail.emplace("delete d/c", make_error(Errc::kNotFound, "sj://bucket/d/c: object not found"));
  auto removed = world.run({"rm", "-r", "sj://bucket/d/"});
  CHECK(removed.code == 8);
  CHECK(removed.out == "removed sj://bucket/d/a\nremoved sj://bucket/d/c\n");
  CHECK(removed.err == "sjcp: sj://bucket/d/b: permission denied\n");
}

TEST_CASE("rm stops when interrupted") {
  World world;
  world.cloud.buckets["bucket"] = {{"a", {}}};
  world.stop.request_stop();
  CHECK(world.run({"rm", "sj://bucket/a"}).code == 130);
  CHECK(world.cloud.buckets["bucket"].size() == 1);
}
