// Progress as JSON lines: every line parses, and the last one sums up.
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using sjcp::test::read_file;

namespace {

std::vector<Json> events_of(const std::string& text) {
  std::vector<Json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const Json json = Json::parse(line, nullptr, false);
    CAPTURE(line);
    REQUIRE(json.is_object());
    CHECK(json.value("v", 0) == 1);
    out.push_back(json);
  }
  return out;
}

std::vector<Json> named(const std::vector<Json>& events, const std::string& name) {
  std::vector<Json> out;
  for (const auto& event : events) {
    if (event["event"] == name) out.push_back(event);
  }
  return out;
}

// The one summary, which is last; the start is first.
Json summary_of(const std::vector<Json>& events) {
  REQUIRE(events.size() >= 2);
  CHECK(events.front()["event"] == "start");
  CHECK(events.back()["event"] == "summary");
  CHECK(named(events, "summary").size() == 1);
  CHECK(named(events, "start").size() == 1);
  return events.back();
}

}  // namespace

TEST_CASE("A copy of several files reports each and sums up", "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  std::map<std::string, uint64_t> sizes{{"a", 0}, {"b", 4000}, {"c", 70'000'000}, {"d/e", 1'000'000}};
  uint64_t sum = 0;
  for (const auto& [name, size] : sizes) {
    user.make_file("tree/" + name, size, size);
    sum += size;
  }
  for (const bool up : {true, false}) {
    CAPTURE(up);
    std::vector<std::string> args{"cp", "-r", "--progress", "json"};
    if (up) {
      args.insert(args.end(), {user.path("tree"), "sj://bucket/"});
    } else {
      args.insert(args.end(), {"sj://bucket/", user.path("back")});
    }
    const Exit exit = user.run(args);
    CHECK(exit.code == 0);
    CHECK(exit.out.empty());
    const auto events = events_of(exit.err);
    const Json summary = summary_of(events);
    CHECK(summary["bytes"] == sum);
    CHECK(summary["files"] == sizes.size());
    CHECK(summary["failed"] == 0);
    CHECK(summary["exit_code"] == 0);
    CHECK(summary["seconds"].get<double>() > 0);
    CHECK(summary["mean_rate"].get<double>() ==
          Approx(static_cast<double>(sum) / summary["seconds"].get<double>()).epsilon(0.05));
    uint64_t reported = 0;
    std::set<std::string> paths;
    for (const auto& file : named(events, "file")) {
      CHECK(file["ok"] == true);
      reported += file["bytes"].get<uint64_t>();
      paths.insert(file[up ? "path" : "source"].get<std::string>());
    }
    CHECK(reported == sum);
    CHECK(paths ==
          std::set<std::string>{"sj://bucket/a", "sj://bucket/b", "sj://bucket/c", "sj://bucket/d/e"});
    uint64_t done = 0;
    for (const auto& progress : named(events, "progress")) {
      CHECK(progress["bytes_done"].get<uint64_t>() >= done);
      done = progress["bytes_done"].get<uint64_t>();
      if (!progress["bytes_total"].is_null()) CHECK(progress["bytes_total"].get<uint64_t>() >= done);
    }
    CHECK(done == sum);
  }
}

TEST_CASE("Failures are reported by file and in the summary", "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 100), "sj://bucket/good"});
  const Exit exit =
      user.run({"cp", "--progress", "json", "sj://bucket/good", "sj://bucket/bad", user.path("into/")});
  const auto events = events_of(exit.err);
  const Json summary = summary_of(events);
  CHECK(summary["exit_code"] == exit.code);
  int failed = 0;
  for (const auto& file : named(events, "file")) {
    if (file["ok"].get<bool>()) continue;
    ++failed;
    CHECK(file["error"]["exit_code"].get<int>() > 0);
    CHECK_FALSE(file["error"]["message"].get<std::string>().empty());
  }
  CHECK(summary["failed"] == failed);
  CHECK(failed > 0);
}

TEST_CASE("Errors before the first file still end in a summary", "[progress]") {
  LocalNetwork network;
  User user(network);
  user.env["SJCP_ACCESS"] = network.grant().substr(1);
  const Exit exit = user.run({"cp", "--progress", "json", "sj://bucket/good", user.path("x")});
  CHECK(exit.code == 2);
  const auto events = events_of(exit.err);
  CHECK(summary_of(events)["exit_code"] == 2);
  CHECK(named(events, "error").size() == 1);
  CHECK_FALSE(leaks(exit.err, network.grant()));
}

TEST_CASE("Damage and interruptions show up in the same stream", "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 10'000'000), "sj://bucket/object"});
  network.fault_all({{"stall_after", 500'000}});
  Child child(user.command({"cp", "--progress", "json", "sj://bucket/object", user.path("back")}));
  REQUIRE(child.wait_until([&] { return child.err().find("\"progress\"") != std::string::npos; }));
  child.signal(SIGINT);
  const Exit exit = child.finish();
  CHECK(exit.code == 130);
  CHECK(summary_of(events_of(exit.err))["exit_code"] == 130);
}

TEST_CASE("Progress goes to a file or a descriptor and leaves stderr alone", "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 100'000);
  user.must({"cp", "--progress-file", user.path("log"), file, "sj://bucket/object"});
  CHECK(summary_of(events_of(read_file(user.path("log"))))["bytes"] == 100'000);
  // Descriptor 1 is free when the target is a file.
  const Exit exit = user.run({"cp", "--progress-fd", "1", "sj://bucket/object", user.path("back")});
  CHECK(exit.code == 0);
  CHECK(exit.err.empty());
  CHECK(summary_of(events_of(exit.out))["bytes"] == 100'000);
}

TEST_CASE("An upload shows what nodes have before its first segment is whole", "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  constexpr uint64_t kSize = 8'000'000;
  user.make_file("file", kSize, 1);
  const Exit exit =
      user.run({"cp", "--progress=json", "--limit-rate", "6M", user.path("file"), "sj://bucket/"});
  CHECK(exit.code == 0);
  const auto events = events_of(exit.err);
  uint64_t last = 0;
  size_t between = 0;
  for (const auto& event : named(events, "progress")) {
    const auto done = event["bytes_done"].get<uint64_t>();
    CHECK(done >= last);
    CHECK(done <= kSize);
    last = done;
    if (done > 0 && done < kSize && event["bytes_committed"] == 0) ++between;
  }
  CHECK(between >= 2);
  CHECK(last == kSize);
  CHECK(summary_of(events)["bytes"] == kSize);
}

TEST_CASE("-vv tells of requests, addresses and where the access comes from, and of no secret",
          "[progress]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.make_file("file", 100'000, 1);
  const Exit quiet = user.run({"cp", "-v", user.path("file"), "sj://bucket/"});
  CHECK(quiet.err.find("/metainfo.Metainfo/") == std::string::npos);
  const Exit told = user.run({"cp", "-vv", user.path("file"), "sj://bucket/"});
  CHECK(told.code == 0);
  CHECK(told.err.find("debug: the access is from SJCP_ACCESS") != std::string::npos);
  CHECK(told.err.find("/metainfo.Metainfo/CompressedBatch: answered in ") != std::string::npos);
  CHECK(told.err.find("connecting, ") != std::string::npos);
  CHECK(told.err.find("file to sj://bucket/file: 97.7 KiB in ") != std::string::npos);
  CHECK_FALSE(leaks(told.err, network.grant()));
}
