// A satellite that refuses, drops connections, or hands out limits that are past.

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kForever = 1'000'000;

// A network with one object, and the file it came from.
struct Stored {
  Stored() : user(network), file(user.make_file("file", 300'000)) {
    user.must({"mb", "sj://bucket"});
    user.must({"cp", file, "sj://bucket/object"});
  }

  Exit download() const { return user.run({"cp", "sj://bucket/object", user.path("back")}); }
  Exit upload() const { return user.run({"cp", file, "sj://bucket/new"}); }

  LocalNetwork network;
  User user;
  std::string file;
};

}  // namespace

TEST_CASE("A status of the satellite becomes an exit code and one line", "[satellite]") {
  Stored s;
  struct Case {
    uint64_t code;
    const char* text;
    int exit;
  };
  for (const auto& [code, text, exit] :
       {Case{7, "Unauthorized API credentials", 4}, Case{16, "unauthenticated", 4},
        Case{5, "object not found: x", 3}, Case{8, "Exceeded Usage Limit", 10},
        Case{9, "failed precondition", 9}, Case{0, "unknown", 5}}) {
    CAPTURE(code);
    s.network.fail_calls("DownloadObject", code, text, 1);
    check_failure(s.download(), exit, "sj://bucket/object");
    s.network.clear_faults();
    CHECK_FALSE(exists(s.user.path("back")));
  }
  for (const std::string method : {"BeginObject", "CommitSegment", "CommitObject"}) {
    CAPTURE(method);
    s.network.fail_calls(method, 7, "Unauthorized API credentials", 1);
    check_failure(s.upload(), 4, "sj://bucket/new");
    s.network.clear_faults();
    CHECK(s.user.list({"-r", "sj://bucket/"}).size() == 1);
    CHECK(s.user.list({"--pending", "-r", "sj://bucket/"}).empty());
  }
  // Object and first segment begin in one batch: when the second fails, its stream id was never heard of.
  s.network.fail_calls("BeginSegment", 7, "Unauthorized API credentials", 1);
  check_failure(s.upload(), 4, "sj://bucket/new");
  CHECK(s.user.list({"--pending", "-r", "sj://bucket/"}).empty());
  s.network.clear_faults();
  s.network.fail_calls("BeginObject", 8, "Exceeded Storage Limit", 1);
  check_failure(s.upload(), 10, "storage limit");
}

TEST_CASE("A rate limit is waited for, and reported when it stays", "[satellite]") {
  Stored s;
  s.network.fail_calls("DownloadObject", 8, "Too Many Requests", 2);
  CHECK(s.download().code == 0);
  CHECK(same_content(s.file, s.user.path("back")));
  s.network.fail_calls("BeginObject", 8, "Too Many Requests", 2);
  CHECK(s.upload().code == 0);
  s.network.fail_calls("DownloadObject", 8, "Too Many Requests", kForever);
  Command patient = s.user.command({"cp", "sj://bucket/object", s.user.path("back")});
  patient.env["SJCP_RETRY_TIME"] = "2s";
  patient.limit = std::chrono::seconds(100);
  const Exit exit = Child(patient).finish();
  CHECK(exit.code == 10);
  CHECK(exit.err.find("later") != std::string::npos);
}

TEST_CASE("Limits that are past are replaced by new ones", "[satellite]") {
  Stored s;
  s.network.control({{"op", "satellite"}, {"expired_limits", 1}});
  const Exit down = s.download();
  CAPTURE(down.err);
  CHECK(down.code == 0);
  CHECK(same_content(s.file, s.user.path("back")));
  check_limits_were_fresh(s.network);
}

TEST_CASE("An upload whose limits are past asks for new ones", "[satellite]") {
  Stored s;
  s.network.control({{"op", "satellite"}, {"expired_limits", 1}});
  const Exit up = s.upload();
  CAPTURE(up.err);
  CHECK(up.code == 0);
  check_limits_were_fresh(s.network);
}

TEST_CASE("An upload of which some pieces are stored asks for new limits, too, where the others' are past",
          "[satellite]") {
  // Of ten nodes of the first offer those that refuse are exchanged, and the others' limits are past; or the
  // first offer is right, and what comes in exchange is past.
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 300'000);
  for (int draw = 0; draw < 8; ++draw) {
    CAPTURE(draw);
    network.control({{"op", "node"}, {"faults", Json::object()}});
    network.control({{"op", "node"}, {"nodes", {draw, draw + 1, draw + 3}}, {"faults", {{"refuse", true}}}});
    network.control({{"op", "satellite"}, {"expired_limits", 2}});
    const Exit up = user.run({"cp", file, "sj://bucket/object"});
    CAPTURE(up.err);
    CHECK(up.code == 0);
    network.control({{"op", "satellite"}, {"expired_limits", 0}});
    network.control({{"op", "node"}, {"faults", Json::object()}});
    user.must({"cp", "sj://bucket/object", user.path("back")});
    CHECK(same_content(file, user.path("back")));
  }
}

TEST_CASE("Limits that are always past end a copy with a clear line", "[satellite]") {
  Stored s;
  s.network.control({{"op", "satellite"}, {"expired_limits", kForever}});
  const Exit down = s.download();
  check_failure(down, 5, "sj://bucket/object");
  CHECK(down.err.find("expired") != std::string::npos);
  CHECK(down.time < 20s);
  CHECK_FALSE(exists(s.user.path("back")));
  const Exit up = s.upload();
  check_failure(up, 5, "sj://bucket/new");
  CHECK(up.err.find("expired") != std::string::npos);
  CHECK(s.user.list({"--pending", "-r", "sj://bucket/"}).empty());
  check_limits_were_fresh(s.network);
}

TEST_CASE("A segment whose limits are refused does not spoil the others", "[satellite]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 200'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  network.control({{"op", "satellite"}, {"expired_limits", 2}});
  const Exit exit = user.run({"cp", "-p", "4", "sj://bucket/object", user.path("back")});
  CHECK(exit.code == 0);
  CHECK(same_content(file, user.path("back")));
  check_limits_were_fresh(network);
}
