// What the user or the machine sets bounds to: rates, connections, memory, threads.
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

const std::vector<std::string> kFullScheme{"--nodes", "84", "--rs", "29/35/65/80"};

Exit run_with(const User& user, std::vector<std::string> args, int resource, uint64_t limit) {
  Command command = user.command(std::move(args));
  command.limits[resource] = limit;
  command.unprivileged = resource == RLIMIT_NPROC;
  return Child(command).finish();
}

// It went well, or one line says why not.
void check_refused_well(const Exit& exit) {
  CAPTURE(exit.code, exit.err);
  CHECK((exit.code == 0 || exit.code == 1 || exit.code == 7));
  if (exit.code == 0) return;
  const std::string last = exit.err.substr(exit.err.find("sjcp: warning") == 0 ? exit.err.find('\n') + 1 : 0);
  CHECK(std::count(last.begin(), last.end(), '\n') == 1);
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

TEST_CASE("In a control group of 64 MiB large files come and go at -p 16", "[limits]") {
  LocalNetwork network(kFullScheme);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 150'000'000);
  const auto run = [&](std::vector<std::string> args) {
    Command command = user.command(std::move(args));
    command.group_memory = 64 * kMiB;
    if (command.args.back() == "-") command.output_file = user.path("stream");
    return Child(command).finish();
  };
  const Exit up = run({"cp", "-p", "16", file, "sj://bucket/object"});
  if (up.code == kNoGroup) {
    WARN("no mount namespace can be had here");
    return;
  }
  CAPTURE(up.err);
  CHECK(up.code == 0);
  CHECK(up.err.find("segments of 8.00 MiB instead of 64.0 MiB") != std::string::npos);
  CHECK(up.peak_bytes < 64 * kMiB);
  const Exit down = run({"cp", "-p", "16", "sj://bucket/object", user.path("back")});
  CHECK(down.code == 0);
  CHECK(down.peak_bytes < 64 * kMiB);
  CHECK(same_content(file, user.path("back")));
  const Exit stream = run({"cp", "-p", "16", "sj://bucket/object", "-"});
  CHECK(stream.code == 0);
  CHECK(stream.peak_bytes < 64 * kMiB);
  CHECK(same_content(file, user.path("stream")));
  // Smaller segments are no different to whoever reads or lists them.
  user.must({"cp", "--range", "bytes=70000000-70000999", "sj://bucket/object", user.path("part")});
  CHECK(is_part(user.path("part"), file, 70'000'000, 1000));
  CHECK(user.list({"sj://bucket/object"})[0]["size"] == 150'000'000);
}

TEST_CASE("Little address space makes windows small, and at worst a line", "[limits]") {
  LocalNetwork network(kFullScheme);
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 150'000'000);
  user.must({"cp", file, "sj://bucket/object"});
  for (const uint64_t limit : {60'000, 90'000, 150'000, 300'000}) {
    CAPTURE(limit);
    const Exit up = run_with(user, {"cp", "-p", "16", file, "sj://bucket/up"}, RLIMIT_AS, limit << 10);
    check_refused_well(up);
    const Exit down =
        run_with(user, {"cp", "-p", "16", "sj://bucket/object", user.path("back")}, RLIMIT_AS, limit << 10);
    check_refused_well(down);
    if (limit >= 150'000) {
      CHECK(up.code == 0);
      CHECK(down.code == 0);
      CHECK(same_content(file, user.path("back")));
    }
  }
}

TEST_CASE("Where the system gives no threads a line says so", "[limits]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 30 * kMiB);
  user.must({"cp", file, "sj://bucket/object"});
  for (const uint64_t threads : {1, 2, 3, 4, 6, 10}) {
    CAPTURE(threads);
    check_refused_well(run_with(user, {"cp", "-p", "16", file, "sj://bucket/up"}, RLIMIT_NPROC, threads));
    check_refused_well(
        run_with(user, {"cp", "-p", "16", "sj://bucket/object", "/dev/null"}, RLIMIT_NPROC, threads));
  }
}

TEST_CASE("Few descriptors mean fewer files, segments and connections at a time, and no failure",
          "[limits]") {
  LocalNetwork network({"--nodes", "12", "--rs", "4/5/8/10"});
  const User user(network);
  user.must({"mb", "sj://bucket"});
  for (int i = 0; i < 40; ++i) {
    user.make_file("in/" + std::to_string(i), static_cast<size_t>(100 + i * 10'000));
  }
  const std::string big = user.make_file("big", 100 * kMiB);
  for (const uint64_t descriptors : {24, 64}) {
    CAPTURE(descriptors);
    const auto done = [&](std::vector<std::string> args) {
      const Exit exit = run_with(user, std::move(args), RLIMIT_NOFILE, descriptors);
      CAPTURE(exit.err);
      CHECK(exit.code == 0);
    };
    const std::string tree = "sj://bucket/" + std::to_string(descriptors) + "/";
    const std::string out = user.path("out" + std::to_string(descriptors) + "/");
    done({"cp", "-r", "-t", "16", user.path("in/"), tree});
    done({"cp", "-r", "-t", "16", tree, out});
    for (int i = 0; i < 40; ++i) {
      const std::string name = std::to_string(i);
      CHECK(same_content(user.path("in/" + name), out + name));
    }
    done({"cp", "-p", "16", big, "sj://bucket/big"});
    done({"cp", "-p", "16", "sj://bucket/big", user.path("back")});
    CHECK(same_content(big, user.path("back")));
  }
}
