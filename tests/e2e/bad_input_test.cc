// What wrong input gets: one clear line, the right exit code, and nothing lost.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using sjcp::test::write_file;
namespace fs = std::filesystem;

TEST_CASE("Malformed grants are refused and never repeated", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  const std::string& grant = network.grant();
  std::string mistyped = grant;
  mistyped[50] = mistyped[50] == 'a' ? 'b' : 'a';
  std::string no_letter = grant;
  no_letter[90] = 'l';
  for (const std::string& bad : {grant.substr(0, grant.size() - 1), grant.substr(0, 80), grant + "1",
                                 grant + grant, mistyped, no_letter}) {
    User other(network);
    other.env["SJCP_ACCESS"] = bad;
    const Exit by_env = other.run({"ls"});
    check_failure(by_env, 2, "SJCP_ACCESS");
    CHECK_FALSE(leaks(by_env.out + by_env.err, bad));
    const Exit by_option =
        user.run({"cp", "--progress", "json", "--access", bad, "sj://bucket/x", user.path("x")});
    CHECK(by_option.code == 2);
    CHECK_FALSE(leaks(by_option.out + by_option.err, bad));
    write_file(user.path("grant"), bad);
    const Exit by_file = user.run({"ls", "--access", user.path("grant")});
    check_failure(by_file, 2, user.path("grant"));
    CHECK_FALSE(leaks(by_file.out + by_file.err, bad));
  }
}

TEST_CASE("A grant of a satellite that is not there fails as the network does", "[bad_input]") {
  std::string grant;
  {
    LocalNetwork gone;
    grant = gone.grant();
  }
  LocalNetwork network;
  User user(network);
  user.env["SJCP_ACCESS"] = grant;
  user.env["SJCP_RETRY_TIME"] = "0";
  const Exit exit = user.run({"ls"});
  CHECK(exit.code == 5);
  CHECK(std::count(exit.err.begin(), exit.err.end(), '\n') == 1);
  CHECK_FALSE(leaks(exit.err, grant));
}

TEST_CASE("A grant without keys for the path is refused before anything is asked", "[bad_input]") {
  LocalNetwork network;
  const User owner(network);
  owner.must({"mb", "sj://bucket"});
  owner.must({"mb", "sj://other"});
  User guest(network);
  guest.env["SJCP_ACCESS"] =
      Json::parse(owner.must({"share", "--json", "--readonly=false", "sj://bucket/mine/"}))["access"];
  const std::string file = guest.make_file("file", 100);
  const uint64_t before = network.calls("CompressedBatch");
  check_failure(guest.run({"cp", file, "sj://other/key"}), 4, "sj://other/key");
  check_failure(guest.run({"cp", "sj://bucket/yours/key", guest.path("x")}), 4, "sj://bucket/yours/key");
  check_failure(guest.run({"rm", "sj://other/key"}), 4, "sj://other/key");
  CHECK(network.calls("CompressedBatch") == before);
}

TEST_CASE("Bucket names against the rules are refused", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  for (const std::string name :
       {"ab", "Upper", "under_score", "-dash", "dash-", "a..b", "192.168.1.1", "name!"}) {
    check_failure(user.run({"mb", "sj://" + name}), 2, name);
    check_failure(user.run({"cp", user.make_file("f", 1), "sj://" + name + "/key"}), 2, name);
  }
  check_failure(user.run({"mb", "sj://" + std::string(64, 'a')}), 2, "63");
}

TEST_CASE("What does not exist is named", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 10);
  const std::string out = user.path("out");
  check_failure(user.run({"cp", "sj://bucket/none", out}), 3, "sj://bucket/none");
  check_failure(user.run({"cp", "sj://absent/none", out}), 3, "sj://absent");
  check_failure(user.run({"cp", "-r", "sj://bucket/none/", out}), 3, "sj://bucket/none/");
  check_failure(user.run({"cp", file, "sj://absent/key"}), 3, "sj://absent");
  check_failure(user.run({"cp", user.make_file("large", 100'000), "sj://absent/key"}), 3, "sj://absent");
  check_failure(user.run({"cp", "-r", "-t", "1", user.folder.path(), "sj://absent/key/"}), 3, "sj://absent");
  check_failure(user.run({"cp", user.path("nofile"), "sj://bucket/key"}), 3, "nofile");
  check_failure(user.run({"ls", "sj://absent/"}), 3, "sj://absent");
  check_failure(user.run({"rm", "sj://bucket/none"}), 3, "sj://bucket/none");
  CHECK_FALSE(exists(out));
}

TEST_CASE("A range outside the object is refused and the file there stays", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 10'000), "sj://bucket/key"});
  const std::string kept = user.make_file("kept", 500, 7);
  const std::string copy = user.make_file("copy", 500, 7);
  for (const std::string range : {"bytes=10000-", "10000-10005", "bytes=20000-30000"}) {
    check_failure(user.run({"cp", "--range", range, "sj://bucket/key", kept}), 2, "sj://bucket/key");
  }
  for (const std::string range : {"bytes=5-4", "x", "-0", "1-2,4-5"}) {
    check_failure(user.run({"cp", "--range", range, "sj://bucket/key", kept}), 2, "range");
  }
  CHECK(same_content(kept, copy));
}

TEST_CASE("A range of an empty object is that object", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("empty", 0), "sj://bucket/empty"});
  user.must({"cp", "--range", "bytes=0-", "sj://bucket/empty", user.path("back")});
  CHECK(exists(user.path("back")));
  CHECK(file_size(user.path("back")) == 0);
  check_failure(user.run({"cp", "--range", "bytes=5-9", "sj://bucket/empty", user.path("x")}), 2,
                "sj://bucket/empty");
}

TEST_CASE("A destination that cannot be written is named", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 100'000), "sj://bucket/key"});
  const uint64_t before = network.total("downloads_begun");
  check_failure(user.run({"cp", "sj://bucket/key", user.path("file/out")}), 7, "file/out");
  check_failure(user.run({"cp", "sj://bucket/key", "/proc/out"}), 7, "/proc");
  CHECK(network.total("downloads_begun") == before);
}

TEST_CASE("A target without permission is named and stays", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 100'000), "sj://bucket/key"});
  fs::permissions(user.folder.path(), fs::perms(0755));
  fs::create_directory(user.path("locked"));
  fs::permissions(user.path("locked"), fs::perms(0555));
  const std::string read_only = user.make_file("read-only", 500, 7);
  fs::permissions(read_only, fs::perms(0444));
  for (const auto& [target, name] :
       {std::pair<std::string, std::string>{"locked/out", "locked"}, {"read-only", "read-only"}}) {
    Command command = user.command({"cp", "sj://bucket/key", user.path(target)});
    command.unprivileged = true;
    check_failure(Child(command).finish(), 7, name);
  }
  CHECK(file_size(read_only) == 500);
  CHECK(fs::is_empty(user.path("locked")));
}

TEST_CASE("Full storage ends a download with a clear line", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 3'000'000), "sj://bucket/key"});
  const std::string kept = user.make_file("kept", 500, 7);
  const std::string copy = user.make_file("copy", 500, 7);

  Command limited = user.command({"cp", "sj://bucket/key", kept});
  limited.limits[RLIMIT_FSIZE] = 1'000'000;
  check_failure(Child(limited).finish(), 7, kept);
  CHECK(same_content(kept, copy));
  CHECK(temporary_files(user.folder.path()).empty());

  check_failure(user.run({"cp", "sj://bucket/key", "/dev/full"}), 7, "/dev/full");
  Command piped = user.command({"cp", "sj://bucket/key", "-"});
  piped.output_file = "/dev/full";
  check_failure(Child(piped).finish(), 7, "standard output");
  Command listing = user.command({"ls", "sj://bucket"});
  listing.output_file = "/dev/full";
  check_failure(Child(listing).finish(), 7, "standard output");
}

TEST_CASE("Keys that would escape the destination folder are refused one by one", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100);
  for (const std::string key :
       {"good", "deep/good", "../escaped", "deep/../../escaped", "/escaped", "a//b", "./c"}) {
    user.must({"cp", file, "sj://bucket/" + key});
  }
  fs::create_directory(user.path("down"));
  const Exit exit = user.run({"cp", "-r", "sj://bucket/", user.path("down/into")});
  CHECK(exit.code == 8);
  CAPTURE(exit.err);
  CHECK(std::count(exit.err.begin(), exit.err.end(), '\n') == 5);
  for (const std::string key : {"../escaped", "deep/../../escaped", "/escaped", "a//b", "./c"}) {
    CHECK(exit.err.find("\"" + key + "\"") != std::string::npos);
  }
  CHECK(same_content(file, user.path("down/into/good")));
  CHECK(same_content(file, user.path("down/into/deep/good")));
  CHECK_FALSE(exists(user.path("escaped")));
  CHECK_FALSE(exists(user.path("down/escaped")));
  CHECK(fs::exists("/escaped") == false);
}

TEST_CASE("An object beyond repair fails by name and leaves the file there alone", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 300'000), "sj://bucket/key"});
  const std::string kept = user.make_file("kept", 500, 7);
  const std::string copy = user.make_file("copy", 500, 7);
  network.control({{"op", "delete_pieces"}, {"keep", 3}});
  const Exit exit = user.run({"cp", "sj://bucket/key", kept});
  CHECK((exit.code == 5 || exit.code == 6));
  check_failure(exit, exit.code, "sj://bucket/key");
  CHECK(same_content(kept, copy));
  CHECK(temporary_files(user.folder.path()).empty());
}

TEST_CASE("Some failures among several files are counted and the others arrive", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100);
  user.must({"cp", file, "sj://bucket/a"});
  fs::create_directory(user.path("into"));
  const Exit exit = user.run({"cp", "sj://bucket/a", "sj://bucket/missing", user.path("into")});
  check_failure(exit, 8, "sj://bucket/missing");
  CHECK(same_content(file, user.path("into/a")));
}

TEST_CASE("Nothing that a grant holds is ever printed", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  const std::string file = user.make_file("file", 300'000);
  std::string everything;
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"mb", "sj://bucket", "--log-level", "trace"},
           {"cp", "--log-level", "trace", "--progress", "json", file, "sj://bucket/key"},
           {"cp", "--log-level", "trace", "--progress", "json", "sj://bucket/key", user.path("back")},
           {"cp", "--log-level", "trace", "--access", network.grant(), "sj://bucket/none", user.path("x")},
           {"ls", "-r", "--log-level", "trace", "sj://bucket"},
           {"ls", "--access", network.grant().substr(0, 100)},
           {"ls", network.grant()},
           {"rm", "--log-level", "trace", "sj://bucket/key"},
           {"access", "import", "name", network.grant()},
           {"access", "list", "-v"},
           {"rb", "--log-level", "trace", "sj://bucket"},
       }) {
    const Exit exit = user.run(args);
    everything += exit.out + exit.err;
  }
  CHECK_FALSE(leaks(everything, network.grant()));
  CHECK_FALSE(leaks(everything, network.api_key()));
}

TEST_CASE("Wrong options say what would be right", "[bad_input]") {
  LocalNetwork network;
  const User user(network);
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"cp", "--no-such", "a", "sj://bucket/"},
           {"cp", "-p", "0", "a", "sj://bucket/"},
           {"cp", "-p", "many", "a", "sj://bucket/"},
           {"cp", "a"},
           {"ls", "a", "b"},
           {"frobnicate"},
           {"cp", "--expires", "yesterday", "a", "sj://bucket/"},
           {"cp", "--metadata", "[]", "a", "sj://bucket/"},
           {"cp", "ftp://host/a", "sj://bucket/b"},
       }) {
    check_failure(user.run(args), 2, "");
  }
}
