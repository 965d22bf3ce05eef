// Exit codes and words: what was asked for decides them, not how it was asked.
#include <filesystem>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
namespace fs = std::filesystem;

namespace {

bool says(const Outcome& outcome, const std::string& words) {
  return outcome.err.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("Where nothing was copied the exit code is that of the error; 8 where others were") {
  World world;
  auto& bucket = world.cloud.buckets["bucket"];
  bucket["p/a"] = {std::string(5000, 'a'), {}, {}};
  bucket["q/b"] = {std::string(5000, 'b'), {}, {}};
  write_file(world.folder / "file", "x");
  const std::string out = world.folder / "out";
  CHECK(world.run({"cp", "-r", "sj://bucket/none/", out}).code == 3);
  CHECK(world.run({"cp", "-r", world.folder / "none", "sj://bucket/x/"}).code == 3);
  CHECK(world.run({"cp", "-r", world.folder / "none", world.folder / "none2", "sj://bucket/x/"}).code == 3);
  CHECK(world.run({"cp", world.folder / "none", world.folder / "file", "sj://bucket/x/"}).code == 8);
  CHECK(bucket.count("x/file") == 1);
  CHECK(world.run({"cp", "-r", "--dry-run", world.folder / "none", "sj://bucket/x/"}).code == 0);

  world.cloud.fail["fetch p/a"] = make_error(Errc::kIntegrity, "bad bytes");
  CHECK(world.run({"cp", "-r", "sj://bucket/p/", out}).code == 6);
  world.cloud.fail["fetch q/b"] = make_error(Errc::kNetwork, "gone");
  // Of several errors the most telling.
  CHECK(world.run({"cp", "-r", "sj://bucket/", out}).code == 8);  // x/file
  CHECK(world.run({"cp", "-r", "sj://bucket/q/", "sj://bucket/p/", out}).code == 6);
}

TEST_CASE("A source that cannot be looked through does not keep the others from being copied") {
  World world;
  world.cloud.buckets["bucket"]["p/a"] = {"a", {}, {}};
  const auto copied =
      world.run({"cp", "-r", "sj://bucket/none/", "sj://absent/", "sj://bucket/p/", world.folder / "out"});
  CHECK(copied.code == 8);
  CHECK(says(copied, "sj://bucket/none/: there is nothing to copy"));
  CHECK(says(copied, "sj://absent: bucket not found"));
  CHECK(read_file(world.folder / "out/a") == "a");
}

TEST_CASE("rm and stat of several end with the error's own code where all fail") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"a", {}, {}};
  CHECK(world.run({"stat", "sj://bucket/x", "sj://bucket/y"}).code == 3);
  CHECK(world.run({"stat", "sj://bucket/x", "sj://bucket/key"}).code == 8);
  CHECK(world.run({"rm", "sj://bucket/x", "sj://bucket/y"}).code == 3);
  CHECK(world.run({"rm", "sj://bucket/x", "sj://bucket/key"}).code == 8);
}

TEST_CASE("The folder of a download is made, in whatever form it is named") {
  World world;
  auto& bucket = world.cloud.buckets["bucket"];
  bucket["a"] = {"a", {}, {}};
  bucket["b"] = {"b", {}, {}};
  CHECK(world.run({"cp", "sj://bucket/a", world.folder / "one/"}).code == 0);
  CHECK(read_file(world.folder / "one/a") == "a");
  CHECK(world.run({"cp", "sj://bucket/a", "sj://bucket/b", world.folder / "two/deep/"}).code == 0);
  CHECK(read_file(world.folder / "two/deep/b") == "b");
  CHECK(world.run({"cp", "sj://bucket/a", "sj://bucket/b", world.folder / "three"}).code == 0);
  CHECK(read_file(world.folder / "three/a") == "a");
  CHECK(world.run({"cp", "sj://bucket/a", world.folder / "four/name"}).code == 0);
  CHECK(read_file(world.folder / "four/name") == "a");
  // Nothing is made for what does not come.
  CHECK(world.run({"cp", "sj://bucket/none", world.folder / "five/"}).code == 3);
  CHECK_FALSE(fs::exists(world.folder / "five"));
}

TEST_CASE("A name that is a prefix is told from one that is nothing") {
  World world;
  world.cloud.buckets["bucket"]["photos/a"] = {"a", {}, {}};
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"cp", "sj://bucket/photos", world.folder / "out"},
                                             {"cp", "sj://bucket/photos", "sj://bucket/other"},
                                             {"cp", "sj://bucket/photos/", world.folder / "out"},
                                             {"rm", "sj://bucket/photos"}}) {
    const auto refused = world.run(args);
    CAPTURE(args, refused.err);
    CHECK(refused.code == 3);
    CHECK(says(refused, "no object, but a prefix; -r"));
  }
  CHECK(says(world.run({"stat", "sj://bucket/photos"}),
             "sj://bucket/photos: no object, but a prefix; sjcp ls"));
  CHECK(says(world.run({"cp", "sj://bucket/phot", world.folder / "out"}), "object not found"));
  world.cloud.fail["list"] = make_error(Errc::kDenied, "no lists");
  CHECK(says(world.run({"rm", "sj://bucket/photos"}), "object not found"));
}

TEST_CASE("The marker of the folder that is copied is that folder") {
  World world;
  auto& bucket = world.cloud.buckets["bucket"];
  bucket["fm/"] = {"", {}, {}};
  bucket["fm/a"] = {"a", {}, {}};
  const auto down = world.run({"cp", "-r", "sj://bucket/fm/", world.folder / "out"});
  CAPTURE(down.err);
  CHECK(down.code == 0);
  CHECK(read_file(world.folder / "out/a") == "a");
  world.cloud.buckets["other"];
  CHECK(world.run({"cp", "-r", "sj://bucket/fm/", "sj://other"}).code == 0);
  CHECK(world.cloud.buckets["other"].size() == 1);
  CHECK(world.run({"cp", "-r", "sj://bucket/fm/", "sj://other/x/"}).code == 0);
  CHECK(world.cloud.buckets["other"].count("x/") == 1);
  // One that has bytes cannot be a folder: they would be lost.
  bucket["fm/"].bytes = "bytes";
  CHECK(world.run({"cp", "-r", "sj://bucket/fm/", world.folder / "again"}).code == 8);
}

TEST_CASE("A copy keeps the metadata of its original unless other is asked for") {
  World world;
  auto& bucket = world.cloud.buckets["bucket"];
  const std::map<std::string, std::string> kept{{"a", "1"}, {"content-type", "text/plain"}};
  bucket["key"] = {"bytes", kept, {}};
  CHECK(world.run({"cp", "--expires", "+1h", "sj://bucket/key", "sj://bucket/copy"}).code == 0);
  CHECK(bucket["copy"].metadata == kept);
  CHECK(bucket["copy"].expires);
  CHECK(world.run({"cp", "--metadata", R"({"b":"2"})", "sj://bucket/key", "sj://bucket/other"}).code == 0);
  CHECK(bucket["other"].metadata == std::map<std::string, std::string>{{"b", "2"}});
  CHECK(world.run({"cp", "--metadata", "{}", "sj://bucket/key", "sj://bucket/bare"}).code == 0);
  CHECK(bucket["bare"].metadata.empty());
  CHECK(world.run({"cp", "sj://bucket/copy", "sj://bucket/again"}).code == 0);
  CHECK(bucket["again"].expires == bucket["copy"].expires);
}

TEST_CASE("Options that have no effect are told of once") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"a", {}, {}};
  const auto down = world.run({"cp", "--expires", "+1h", "--metadata", R"({"a":"b"})", "--header", "x: y",
                               "sj://bucket/key", world.folder / "out"});
  CHECK(down.code == 0);
  CHECK(says(down, "warning: --expires has no effect on a download"));
  CHECK(says(down, "warning: --metadata has no effect on a download"));
  CHECK(says(down, "warning: --header goes with requests to URLs"));
  CHECK(says(world.run({"ls", "--header", "x: y", "sj://bucket"}), "--header goes with"));
  CHECK(world.run({"cp", "--expires", "+1h", world.folder / "out", "sj://bucket/up"}).err.empty());
}

TEST_CASE("Names that do not decrypt are counted, and no copy or removal of nothing else succeeds") {
  World world;
  world.cloud.buckets["bucket"];
  world.cloud.hidden = 3;
  const auto listed = world.run({"ls", "sj://bucket"});
  CHECK(listed.code == 0);
  CHECK(says(listed, "sj://bucket/: 3 names there do not decrypt"));
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"cp", "-r", "sj://bucket/", world.folder / "out"}, {"rm", "-r", "sj://bucket"}}) {
    const auto failed = world.run(args);
    CHECK(failed.code == 4);
    CHECK(says(failed, "3 names there do not decrypt"));
  }
  world.cloud.buckets["bucket"]["key"] = {"a", {}, {}};
  const auto copied = world.run({"cp", "-r", "sj://bucket/", world.folder / "out"});
  CHECK(copied.code == 0);
  CHECK(says(copied, "3 names there do not decrypt"));
  CHECK(world.run({"ls", "-o", "json", "sj://bucket"}).out_json().size() == 1);
}

TEST_CASE("--if-changed copies what nobody can tell to be the same") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"new", {}, {}};
  world.cloud.created = {};  // a service that tells no times
  write_file(world.folder / "file", "old");
  CHECK(world.run({"cp", "--if-changed", "sj://bucket/key", world.folder / "file"}).code == 0);
  CHECK(read_file(world.folder / "file") == "new");
  fs::create_directory(world.folder / "d");
  write_file(world.folder / "d/key", "old");
  CHECK(world.run({"cp", "-r", "--if-changed", "sj://bucket/", world.folder / "d"}).code == 0);
  CHECK(read_file(world.folder / "d/key") == "new");
  write_file(world.folder / "file", "up!");
  CHECK(world.run({"cp", "--if-changed", world.folder / "file", "sj://bucket/key"}).code == 0);
  CHECK(world.cloud.buckets["bucket"]["key"].bytes == "up!");
  world.cloud.buckets["bucket"]["copy"] = {"was", {}, {}};
  CHECK(world.run({"cp", "--if-changed", "sj://bucket/key", "sj://bucket/copy"}).code == 0);
  CHECK(world.cloud.buckets["bucket"]["copy"].bytes == "up!");
  // What is known to be newer stays, also when one object was named.
  world.cloud.created = storj::Time{std::chrono::seconds(1'700'000'000)};
  world.cloud.buckets["bucket"]["copy"].bytes = "was";
  CHECK(world.run({"cp", "--if-changed", "sj://bucket/key", "sj://bucket/copy"}).code == 0);
  CHECK(world.cloud.buckets["bucket"]["copy"].bytes == "was");
}
