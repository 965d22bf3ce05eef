// What the user sets bounds to: rates, connections, memory.
#include <algorithm>
#include <chrono>
#include <fstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

constexpr uint64_t kMiB = 1 << 20;

double seconds_of(const User& user, const std::vector<std::string>& args) {
  const auto begin = std::chrono::steady_clock::now();
  user.must(args);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The most of a field in all progress lines of a file.
uint64_t most(const std::string& path, const std::string& field) {
  uint64_t out = 0;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto json = Json::parse(line);
    if (json["event"] == "progress") out = std::max(out, json[field].get<uint64_t>());
  }
  return out;
}

Json summary(const std::string& path) {
  Json last;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) last = Json::parse(line);
  return last;
}

}  // namespace

TEST_CASE("A rate holds for all bytes to and from nodes", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 3 * kMiB);
  // Eight pieces of ten, of which four make the whole: twice the bytes at least.
  CHECK(seconds_of(user, {"cp", "--limit-rate", "off/6M", file, "sj://bucket/key"}) > 0.9);
  CHECK(seconds_of(user, {"cp", "--limit-rate", "3M/off", "sj://bucket/key", user.path("back")}) > 0.9);
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("A rate file sets the rate of a running copy", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 30 * kMiB);
  user.must({"cp", file, "sj://bucket/key"});
  const std::string rate = user.path("rate");
  std::ofstream(rate) << "20K\n";
  Child child(user.command({"cp", "--limit-rate-file", rate, "sj://bucket/key", user.path("back")}));
  // Half an hour at that rate.
  REQUIRE(child.wait_until([&] { return exists(user.path(".back.sjcp-part")); }));
  std::ofstream(rate) << "off\n";
  CHECK(child.finish().code == 0);
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("A copy gets through with as few connections as a segment needs", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 150 * kMiB);
  for (const char* connections : {"1", "4", "11"}) {
    CAPTURE(connections);
    user.must({"cp", "--max-connections", connections, "--progress-file", user.path("up"), file,
               "sj://bucket/key"});
    CHECK(most(user.path("up"), "connections") <= std::stoul(connections));
    user.must({"cp", "-p", "8", "--max-connections", connections, "--progress-file", user.path("down"),
               "sj://bucket/key", user.path("back")});
    // Four pieces make the whole.
    CHECK(most(user.path("down"), "connections") <= std::max(4UL, std::stoul(connections)));
    CHECK(same_content(file, user.path("back")));
  }
}

TEST_CASE("With few connections a copy survives nodes that fail", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 10 * kMiB);
  user.must({"cp", file, "sj://bucket/key"});
  network.fault_first(3, {{"short_after", 100'000}});
  user.must({"cp", "--max-connections", "4", "sj://bucket/key", user.path("back")});
  CHECK(same_content(file, user.path("back")));
}

TEST_CASE("The summary says what a download cost", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 30 * kMiB), "sj://bucket/key"});
  user.must({"cp", "--progress-file", user.path("down"), "sj://bucket/key", user.path("back")});
  const Json json = summary(user.path("down"));
  CHECK(json["overhead"].get<double>() >= 1.0);
  CHECK(json["overhead"].get<double>() < 2.5);
  CHECK(json["last_percent_seconds"].get<double>() >= 0);
  CHECK(json["last_percent_share"].get<double>() <= 1);
  CHECK(json["window"].get<uint64_t>() >= 1);
}
