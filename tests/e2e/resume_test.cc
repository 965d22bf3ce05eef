// Copies that are killed, interrupted or in each other's way, and the runs after them.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <sstream>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

constexpr uint64_t kMiB = 1 << 20;

// The last complete event of the name on stderr; null when there is none.
Json last_event(const std::string& err, const std::string& name) {
  Json found;
  std::istringstream in(err);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("event", "") == name) found = json;
  }
  return found;
}

uint64_t bytes_done(const Child& child) {
  const Json progress = last_event(child.err(), "progress");
  return progress.is_null() ? 0 : progress["bytes_done"].get<uint64_t>();
}

// A network that stores one object, and a user who downloads it.
struct Download {
  explicit Download(uint64_t object_size) : user(network), size(object_size) {
    file = user.make_file("file", size);
    user.must({"mb", "sj://bucket"});
    user.must({"cp", file, "sj://bucket/object"});
    target = user.path("d/back");
    user.make_file("d/kept", 1);
  }

  Command command(std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"cp", "--progress=json", "-p", "2"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.end(), {"sj://bucket/object", target});
    return user.command(args);
  }
  // So that a download takes about this long: 2 segments of 4 pieces at a time.
  void take(std::chrono::milliseconds time) {
    const auto each = size * 1000 / 8 / static_cast<uint64_t>(time.count());
    network.fault_all({{"bytes_per_second", each}});
  }
  // Kills a download that has got at least so many bytes, and at least one checkpoint; what it had got.
  uint64_t kill_after(uint64_t bytes) {
    Child child(command());
    REQUIRE(child.wait_until([&] { return bytes_done(child) >= bytes && exists(journal()); }));
    child.signal(SIGKILL);
    CHECK(child.finish().code == 128 + SIGKILL);
    return bytes_done(child);
  }
  std::string journal() const { return user.path("d/.back.sjcp-journal"); }
  // Runs to the end; its summary.
  Json complete(std::vector<std::string> more = {}) const {
    const Exit exit = Child(command(std::move(more))).finish();
    CAPTURE(exit.err);
    CHECK(exit.code == 0);
    CHECK(same_content(target, file));
    CHECK(temporary_files(user.path("d")).empty());
    return last_event(exit.err, "summary");
  }

  LocalNetwork network;
  const User user;
  const uint64_t size;
  std::string file;
  std::string target;
};

}  // namespace

TEST_CASE("A killed download goes on from what it had made durable", "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  const uint64_t before = down.kill_after(down.size / 4);
  CHECK(temporary_files(down.user.path("d")).size() >= 2);
  const Json summary = down.complete();
  CHECK(summary["bytes"] == down.size);
  // A checkpoint follows each 8 MiB; a busy disk may be a few behind.
  CHECK(summary["bytes_resumed"].get<uint64_t>() + 32 * kMiB >= before);
  CHECK(summary["bytes_resumed"].get<uint64_t>() >= 8 * kMiB);
}

TEST_CASE("A download killed at any moment and run again ends with the right bytes", "[resume]") {
  // The full measure takes minutes and is run on request.
  const char* asked = std::getenv("SJCP_RESUME_MOMENTS");
  const int moments = asked == nullptr ? 4 : std::atoi(asked);
  const auto time = asked == nullptr ? 2000ms : 4000ms;
  Download down((asked == nullptr ? 96 : 512) * kMiB);
  down.take(time);
  std::mt19937 random(7);
  std::vector<uint64_t> again;
  const auto sent = [&] { return down.network.total("bytes_sent"); };
  uint64_t total = sent();
  for (int i = 0; i < moments; ++i) {
    std::filesystem::remove(down.target);
    Child child(down.command());
    const auto moment = Steady::now() + time * (random() % 1100) / 1000;
    child.wait_until([&] { return Steady::now() >= moment; });
    child.signal(SIGKILL);
    const Exit exit = child.finish();
    CHECK((exit.code == 128 + SIGKILL || exit.code == 0));
    // It may have been whole already.
    if (!exists(down.target)) down.complete();
    CHECK(same_content(down.target, down.file));
    const uint64_t now = sent();
    // Spare pieces of either run count as fetched again, too.
    again.push_back(now - total > down.size ? now - total - down.size : 0);
    total = now;
  }
  std::sort(again.begin(), again.end());
  std::cout << moments << " moments: fetched again, median " << again[again.size() / 2] / kMiB
            << " MiB, most " << again.back() / kMiB << " MiB of " << down.size / kMiB << " MiB\n";
  // Counted at the nodes, so with what was on its way to the process when it died; two segments in flight.
  CHECK(again.back() <= std::min(down.size / 2, down.size / 20 + 128 * kMiB));
}

TEST_CASE("SIGINT ends a download softly, and the next run goes on from every byte of it", "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  Child child(down.command());
  REQUIRE(child.wait_until([&] { return bytes_done(child) >= down.size / 4; }));
  const auto begin = Steady::now();
  child.signal(SIGINT);
  const Exit exit = child.finish();
  CHECK(Steady::now() - begin < 1500ms);
  CHECK(exit.code == 130);
  CHECK(last_event(exit.err, "error")["message"] == "interrupted; the same command goes on from there");
  const auto done = last_event(exit.err, "summary")["bytes"].get<uint64_t>();
  CHECK(down.complete()["bytes_resumed"] == done);
}

TEST_CASE("A download that fails in the middle goes on when the network is well again", "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  Child child(down.command());
  REQUIRE(child.wait_until([&] { return bytes_done(child) >= down.size / 4; }));
  down.network.fault_all({{"down", true}});
  const Exit exit = child.finish();
  CHECK(exit.code == 5);
  CHECK(exit.err.find("are kept: the same command goes on from there") != std::string::npos);
  down.network.clear_faults();
  CHECK(down.complete()["bytes_resumed"].get<uint64_t>() >= down.size / 4);
}

TEST_CASE("An object that was replaced meanwhile is refused until told to start over", "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  down.kill_after(down.size / 4);
  down.network.clear_faults();
  down.file = down.user.make_file("other", down.size, 2);
  down.user.must({"cp", down.file, "sj://bucket/object"});
  const Exit refused = down.user.run({"cp", "sj://bucket/object", down.target});
  check_failure(refused, 9, "sj://bucket/object has changed");
  CHECK(refused.err.find("--no-resume") != std::string::npos);
  CHECK(exists(down.journal()));
  CHECK(down.complete({"--no-resume"})["bytes_resumed"] == 0);
}

TEST_CASE("A second process is refused at once while the first resumes, and the first is not disturbed",
          "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  down.kill_after(down.size / 4);
  Child first(down.command());
  REQUIRE(first.wait_until([&] { return bytes_done(first) >= down.size / 2; }));
  for (const char* option : {"--no-resume", "--if-changed"}) {
    const Exit second = down.user.run({"cp", option, "sj://bucket/object", down.target});
    check_failure(second, 9, "another download is writing it");
  }
  const Exit exit = first.finish();
  CHECK(exit.code == 0);
  CHECK(same_content(down.target, down.file));
  CHECK(temporary_files(down.user.path("d")).empty());
}

TEST_CASE("A damaged journal starts the download over", "[resume]") {
  Download down(96 * kMiB);
  down.take(2s);
  down.kill_after(down.size / 4);
  std::filesystem::resize_file(down.journal(), file_size(down.journal()) - 1);
  down.network.clear_faults();
  CHECK(down.complete()["bytes_resumed"] == 0);
}

TEST_CASE("What exists is left alone on request", "[resume]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 1000);
  const std::string other = user.make_file("other", 1000, 2);
  user.must({"cp", file, "sj://bucket/object"});
  const std::string target = user.make_file("target", 1000, 3);
  const std::string before = user.make_file("before", 1000, 3);
  // The clock of a file system ticks in milliseconds: the order must not hang on it.
  const auto later_by = [](const std::string& path, std::chrono::seconds by) {
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() + by);
    return path;
  };
  later_by(target, 10s);
  user.must({"cp", "--no-clobber", "sj://bucket/object", target});
  user.must({"cp", "--if-changed", "sj://bucket/object", target});
  CHECK(same_content(target, before));
  user.must({"cp", "--no-clobber", other, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", target});
  CHECK(same_content(target, file));
  user.must({"cp", "--if-changed", later_by(user.make_file("later", 1000, 4), 10s), "sj://bucket/object"});
  user.must({"cp", "--if-changed", "sj://bucket/object", later_by(target, -10s)});
  CHECK(same_content(target, user.path("later")));
}
