// Where the grant comes from.
#include <filesystem>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using sjcp::test::read_file;
using sjcp::test::write_file;
namespace fs = std::filesystem;

TEST_CASE("A saved access is found by name and as the default", "[access]") {
  LocalNetwork network;
  User user(network);
  user.env.erase("SJCP_ACCESS");
  check_failure(user.run({"ls"}), 2, "access");
  user.must({"access", "import", "mine", network.grant()});
  const std::string saved = user.path("home/config/sjcp/access.json");
  REQUIRE(exists(saved));
  CHECK(fs::status(saved).permissions() == fs::perms(0600));
  user.must({"mb", "--access", "mine", "sj://bucket"});
  user.must({"access", "use", "mine"});
  CHECK(user.list({}).size() == 1);
  const std::string listed = user.must({"access", "list"});
  CHECK(listed.find("mine") != std::string::npos);
  CHECK_FALSE(leaks(listed, network.grant()));
  CHECK(user.must({"access", "inspect", "mine"}).find(network.satellite()) != std::string::npos);
  user.must({"access", "remove", "mine"});
  check_failure(user.run({"ls", "--access", "mine"}), 3, "mine");
}

TEST_CASE("A grant comes from stdin, a file, or the option itself", "[access]") {
  LocalNetwork network;
  User user(network);
  user.env.erase("SJCP_ACCESS");
  Command import = user.command({"access", "import", "piped", "-"});
  import.input = network.grant() + "\n";
  CHECK(Child(import).finish().code == 0);
  user.must({"mb", "--access", "piped", "sj://bucket"});
  write_file(user.path("grant"), network.grant() + "\n");
  CHECK(user.list({"--access", user.path("grant")}).size() == 1);
  CHECK(user.list({"--access", network.grant()}).size() == 1);
}

TEST_CASE("Option, SJCP_ACCESS, UPLINK_ACCESS and the default are asked in this order", "[access]") {
  LocalNetwork network;
  LocalNetwork other;
  User user(network);
  User(network).must({"mb", "sj://here"});
  User(other).must({"mb", "sj://there"});
  auto bucket = [&](const std::vector<std::string>& options) {
    const auto listed = user.list(options);
    return listed.size() == 1 ? listed[0].at("Name").get<std::string>() : "none";
  };
  user.must({"access", "import", "--use", "kept", network.grant()});
  user.env["UPLINK_ACCESS"] = other.grant();
  user.env["SJCP_ACCESS"] = network.grant();
  CHECK(bucket({}) == "here");
  CHECK(bucket({"--access", other.grant()}) == "there");
  user.env.erase("SJCP_ACCESS");
  CHECK(bucket({}) == "there");
  user.env.erase("UPLINK_ACCESS");
  CHECK(bucket({}) == "here");
}

TEST_CASE("The saved accesses of uplink are read as they are", "[access]") {
  LocalNetwork network;
  User user(network);
  user.env.erase("SJCP_ACCESS");
  fs::create_directories(user.path("home/config/storj/uplink"));
  const std::string theirs = user.path("home/config/storj/uplink/access.json");
  write_file(theirs, Json{{"Default", "main"}, {"Accesses", {{"main", network.grant()}}}}.dump());
  const std::string before = read_file(theirs);
  user.must({"mb", "sj://bucket"});
  CHECK(user.list({"--access", "main"}).size() == 1);
  CHECK(read_file(theirs) == before);
}
