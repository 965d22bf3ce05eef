// What wrong input gets: the exit code, one line that names the object, and never a secret.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
namespace fs = std::filesystem;

namespace {

// No 24 characters of the grant in a row appear.
bool leaks(const std::string& text, const std::string& secret) {
  for (size_t i = 0; i + 24 <= secret.size(); ++i) {
    if (text.find(secret.substr(i, 24)) != std::string::npos) return true;
  }
  return false;
}

struct Case {
  std::vector<std::string> args;
  int code;
  std::string names;  // what the message must name
};

void check(World& world, const Case& one) {
  std::string words;
  for (const auto& arg : one.args) words += arg.size() > 60 ? "<long> " : arg + " ";
  CAPTURE(words);
  auto outcome = world.run(one.args);
  CAPTURE(outcome.err);
  CHECK(outcome.code == one.code);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("sjcp: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.find(one.names) != std::string::npos);
  CHECK_FALSE(leaks(outcome.err, test_grant()));
}

}  // namespace

TEST_CASE("Bad locations and names are refused with what to do") {
  World world;
  write_file(world.folder / "file", "x");
  world.cloud.buckets["bucket"]["key"] = {"0123456789", {}, {}};
  std::string f = world.folder / "file";
  for (const auto& one : std::vector<Case>{
           {{"cp", f, "sj://Bad"}, 2, "Bad"},
           {{"cp", f, "sj://ab/key"}, 2, "ab"},
           {{"cp", f, "sj://"}, 2, "bucket"},
           {{"cp", f, world.folder / "other"}, 2, "sj://"},
           {{"cp", f, "hf://owner/name/file"}, 2, "can only be read"},
           {{"cp", "hf://owner/name", f}, 2, "-r"},
           {{"cp", "--hf-cache", "--range", "0-9", "hf://owner/name/file"}, 2, "--hf-cache"},
           {{"cp", "-i", "list", "--range", "0-9"}, 2, "-i"},
           {{"cp", "hf://name", f}, 2, "-r"},
           {{"cp", "hf://datasets", f}, 2, "OWNER/NAME"},
           {{"cp", "ftp://host/file", f}, 2, "scheme"},
           {{"cp", "-r", "https://host/folder/", f}, 2, "-r"},
           {{"cp", "--no-clobber", f, "https://host/name"}, 2, "--no-clobber"},
           {{"cp", f, f, "https://host/name"}, 2, "one name"},
           {{"cp", "-", "sj://bucket/"}, 2, "sj://bucket/NAME"},
           {{"cp", "-", "-"}, 2, "sj://"},
           {{"cp", "-r", "sj://bucket/", "-"}, 2, "-r"},
           {{"cp", "sj://bucket/a", "sj://bucket/b", "-"}, 2, "standard output"},
           {{"cp", "sj://bucket", f}, 2, "sj://bucket"},
           {{"cp", world.folder.path(), "sj://bucket/x"}, 2, "-r"},
           {{"cp", "", "sj://bucket/x"}, 2, "empty"},
           {{"cp", "sj://bucket/none", world.folder / "out"}, 3, "sj://bucket/none"},
           {{"cp", "sj://bucket/dir/", world.folder / "out"}, 3, "-r"},
           {{"cp", "sj://absent/none", world.folder / "out"}, 3, "sj://absent"},
           {{"cp", f, "sj://absent/none"}, 3, "sj://absent"},
           {{"cp", world.folder / "nofile", "sj://bucket/x"}, 3, "nofile"},
           {{"cp", "sj://bucket/key", world.folder / "file/out"}, 7, "file, not a folder"},
           {{"cp", "-r", world.folder / "nofolder", "sj://bucket/x/"}, 3, "nofolder"},
           {{"cp", "sj://bucket/key", "/proc/sjcp-test"}, 7, "/proc"},
           {{"cp", "--range", "20-30", "sj://bucket/key", "-"}, 2, "sj://bucket/key"},
           {{"cp", "--range", "x", "sj://bucket/key", "-"}, 2, "x"},
           {{"cp", "--range", "0-1", f, "sj://bucket/x"}, 2, "--range"},
           {{"cp", "-r", "--range", "0-1", "sj://bucket/", world.folder / "d"}, 2, "--range"},
           {{"cp", "--expires", "never", f, "sj://bucket/x"}, 2, "--expires"},
           {{"cp", "--expires=-1h", f, "sj://bucket/x"}, 2, "--expires"},
           {{"cp", "--metadata", "{", f, "sj://bucket/x"}, 2, "--metadata"},
           {{"cp", "--metadata", R"({"a":1})", f, "sj://bucket/x"}, 2, "\"a\""},
           {{"cp", "--progress-fd", "987", f, "sj://bucket/x"}, 2, "987"},
           {{"cp", "--progress-file", world.folder / "no/p", f, "sj://bucket/x"}, 7, "no/p"},
       }) {
    check(world, one);
  }
}

TEST_CASE("A scheme without its slashes, or in capitals, is refused with the right spelling") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"0123456789", {}, {}};
  write_file(world.folder / "file", "x");
  std::string f = world.folder / "file";
  for (const auto& one : std::vector<Case>{
           {{"cp", f, "sj:/bucket/k"}, 2, "write sj://bucket/k"},
           {{"cp", f, "sj:bucket/k"}, 2, "write sj://bucket/k"},
           {{"cp", f, "SJ://bucket/k"}, 2, "write sj://bucket/k"},
           {{"cp", "https://host/f", "s3:bucket"}, 2, "s3://bucket"},
           {{"cp", "-r", "Hf:owner/name", f}, 2, "hf://owner/name"},
           {{"cp", "http:host/f", f}, 2, "http://host/f"},
           {{"cp", "HTTPS:/user:secret@host/f?sig=abc", f}, 2, "write https://host/f"},
           {{"cp", "sj:", f}, 2, "sj://"},
           {{"cp", "--mirror", "https:/host/f", "https://host/f", f}, 2, "https://host/f"},
           {{"cp", "-i", "https:/host/list"}, 2, "https://host/list"},
           {{"cp", "--checksum", "https:/host/SHA256SUMS", "https://host/f", f}, 2, "https"},
           {{"ls", "sj:bucket"}, 2, "sj://bucket"},
           {{"ls", "S3:"}, 2, "s3://"},
           {{"rm", "sj:/bucket/key"}, 2, "sj://bucket/key"},
           {{"rb", "Sj:bucket"}, 2, "sj://bucket"},
           {{"stat", "sj:bucket/key"}, 2, "sj://bucket/key"},
           {{"share", "sj:bucket"}, 2, "sj://bucket"},
       }) {
    check(world, one);
  }
  CHECK(world.run({"cp", "HTTPS:/user:secret@host/f", f}).err.find("secret") == std::string::npos);
  // Other names with a colon are names of files.
  for (const char* name : {"a:b", "model:tag", "sjx:b", "x:sj://y"}) {
    CAPTURE(name);
    CHECK(world.run({"cp", "sj://bucket/key", (world.folder / "") + name}).code == 0);
    CHECK(world.run({"cp", (world.folder / "") + name, "sj://bucket/up"}).code == 0);
  }
}

TEST_CASE("A download without permission to write names the folder") {
  if (::geteuid() == 0) return;  // root may write anywhere
  World world;
  world.cloud.buckets["bucket"]["key"] = {"x", {}, {}};
  fs::create_directory(world.folder / "locked");
  fs::permissions(world.folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  check(world, {{"cp", "sj://bucket/key", world.folder / "locked/out"}, 7, "locked"});
}

TEST_CASE("Bad grants are refused without being repeated, wherever they stand") {
  World world;
  world.env.erase("SJCP_ACCESS");
  const std::string& grant = test_grant();
  std::string broken = grant;
  broken[40] = broken[40] == 'x' ? 'y' : 'x';
  std::string invalid = grant;
  invalid[100] = '0';
  for (const std::string& bad :
       {grant.substr(0, grant.size() - 1), grant.substr(0, 60), grant + "z", broken, invalid}) {
    check(world, {{"ls", "--access", bad}, 2, "--access"});
    check(world, {{"access", "import", "name", bad}, 2, "grant"});
    check(world, {{"access", "inspect", bad}, 2, ""});
    write_file(world.folder / "bad", bad);
    check(world, {{"ls", "--access", world.folder / "bad"}, 2, "bad"});
    world.env["SJCP_ACCESS"] = bad;
    check(world, {{"ls"}, 2, "SJCP_ACCESS"});
    world.env.erase("SJCP_ACCESS");
  }
  check(world, {{"ls", grant}, 2, ""});
  check(world, {{"ls", "sj://bucket", grant}, 2, ""});
  check(world, {{"cp", grant, "x"}, 2, ""});
  check(world, {{"cp", "-p", grant, "a", "sj://bucket/"}, 2, ""});
  check(world, {{grant}, 2, ""});
  check(world, {{"ls", "--" + grant}, 2, ""});
  check(world, {{"access", "import", grant, "name"}, 2, ""});
  check(world, {{"access", "use", grant}, 3, ""});
  check(world, {{"access", "remove", grant}, 3, ""});
  check(world, {{"share", "--not-after", grant, "sj://bucket"}, 2, ""});
  check(world, {{"ls"}, 2, "--access"});
  check(world, {{"ls", "--access", "unknown"}, 3, "unknown"});
  check(world, {{"ls", "--access", "no grant!"}, 2, "--access"});
  check(world, {{"access", "import", "name", "no/such/file"}, 2, "no/such/file"});
}

TEST_CASE("Nothing but inspect, share and their like prints a grant") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"x", {}, {}};
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"ls", "--access", test_grant(), "--log-level", "trace"},
           {"cp", "--access", test_grant(), "--progress=json", "sj://bucket/key", world.folder / "o",
            "--log-level", "trace"},
           {"access", "import", "n", test_grant(), "--log-level", "trace"},
           {"access", "list", "-v"},
           {"rm", "--access", test_grant(), "sj://bucket/key"},
           {"--version"},
       }) {
    auto outcome = world.run(args);
    CHECK(outcome.code == 0);
    CHECK_FALSE(leaks(outcome.out + outcome.err, test_grant()));
  }
}

TEST_CASE("Help and version succeed without an access") {
  World world;
  world.env.clear();
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"--help"}, {"help"}, {"cp", "--help"}, {"ls", "-h"}, {"version"}}) {
    CHECK(world.run(args).code == 0);
  }
  auto version = world.run({"--version"});
  for (const char* name :
       {"sjcp ", "commit:", "libcurl:", "OpenSSL:", "ISA-L:", "zstd:", "protobuf:", "spdlog:"}) {
    CHECK(version.out.find(name) != std::string::npos);
  }
}
