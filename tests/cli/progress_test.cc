#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "cli/progress/json_view.h"
#include "cli/progress/rate_meter.h"
#include "cli/progress/reporter.h"
#include "cli/progress/text_view.h"
#include "core/base/units.h"
#include "core/transfer/landing.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;
using namespace std::chrono_literals;

namespace {

class MovingClock : public Clock {
 public:
  Steady now{};
  Steady steady_now() const override { return now; }
  Wall wall_now() const override { return Wall(std::chrono::milliseconds(1'714'564'800'250)); }
};

std::vector<nlohmann::json> of_kind(const std::vector<nlohmann::json>& lines, const std::string& event) {
  std::vector<nlohmann::json> out;
  for (const auto& line : lines) {
    CHECK(line["v"] == 1);
    if (line["event"] == event) out.push_back(line);
  }
  return out;
}

// A view whose lines are appended to the text, which outlives it.
std::vector<std::unique_ptr<cli::View>> json_into(std::string& text) {
  std::vector<std::unique_ptr<cli::View>> views;
  views.push_back(std::make_unique<cli::JsonView>([&text](std::string_view line) {
    text += line;
    return Status();
  }));
  return views;
}

std::set<std::string> fields(const nlohmann::json& object) {
  std::set<std::string> out;
  for (const auto& [name, value] : object.items()) out.insert(name);
  return out;
}

}  // namespace

TEST_CASE("RateMeter averages over its window") {
  cli::RateMeter meter(5s);
  Clock::Steady t{};
  meter.add(t, 0);
  CHECK(meter.bytes_per_second() == 0);
  meter.add(t + 1s, 100);
  CHECK(meter.bytes_per_second() == Approx(100));
  for (int i = 2; i <= 20; ++i) meter.add(t + i * 1s, 100 + static_cast<uint64_t>(i - 1) * 1000);
  CHECK(meter.bytes_per_second() == Approx(1000));
}

TEST_CASE("Reporter samples rate and time left, and sums up once") {
  MovingClock clock;
  transfer::Counters counters;
  std::string text;
  cli::Reporter reporter(json_into(text), counters, clock);
  reporter.start({"cp", clock.wall_now(), 8, 4, 1024}, 0ms);
  reporter.planned(3000);
  counters.bytes_done = 500;
  clock.now += 1s;
  reporter.sample();
  reporter.plan_complete();
  counters.bytes_done = 1000;
  counters.segments_active = 3;
  counters.segments_allowed = 6;
  counters.bytes_needed = 1000;
  counters.bytes_fetched = 1230;
  counters.connections_active = 87;
  clock.now += 1s;
  reporter.sample();
  reporter.file({"sj://b/k", "k", 1000, 2, {}, 0, false, 0.25});
  reporter.file({"sj://b/l", "l", 0, 0.5, make_error(Errc::kIntegrity, "sj://b/l: damaged")});
  reporter.finish(8);
  reporter.finish(0);
  reporter.sample();
  reporter.error(make_error(Errc::kInternal, "late"));

  auto lines = Outcome::parse_lines(text);
  REQUIRE(lines.size() == 7);
  CHECK(lines[0] == nlohmann::json{{"v", 1},
                                   {"event", "start"},
                                   {"time", "2024-05-01T12:00:00.25Z"},
                                   {"command", "cp"},
                                   {"parallelism", 8},
                                   {"transfers", 4},
                                   {"memory", 1024}});
  CHECK(lines[1]["bytes_total"].is_null());
  CHECK(lines[1]["eta"].is_null());
  CHECK(lines[2] == nlohmann::json{{"v", 1},
                                   {"event", "progress"},
                                   {"elapsed", 2.0},
                                   {"bytes_done", 1000},
                                   {"bytes_committed", 1000},
                                   {"bytes_total", 3000},
                                   {"rate", 500},
                                   {"segments", 3},
                                   {"window", 6},
                                   {"connections", 87},
                                   {"files_done", 0},
                                   {"files_failed", 0},
                                   {"bytes_resumed", 0},
                                   {"eta", 4.0}});
  CHECK(lines[3] == nlohmann::json{{"v", 1},
                                   {"event", "file"},
                                   {"path", "k"},
                                   {"source", "sj://b/k"},
                                   {"ok", true},
                                   {"bytes", 1000},
                                   {"seconds", 2.0},
                                   {"last_percent_seconds", 0.25}});
  CHECK(lines[4]["error"] ==
        nlohmann::json{{"code", "integrity"}, {"message", "sj://b/l: damaged"}, {"exit_code", 6}});
  CHECK(lines[5]["event"] == "progress");
  CHECK(lines[6] == nlohmann::json{{"v", 1},
                                   {"event", "summary"},
                                   {"bytes", 1000},
                                   {"seconds", 2.0},
                                   {"mean_rate", 500},
                                   {"files", 1},
                                   {"failed", 1},
                                   {"skipped", 0},
                                   {"bytes_resumed", 0},
                                   {"window", 6},
                                   {"overhead", 1.23},
                                   {"last_percent_seconds", 0.25},
                                   {"last_percent_share", 0.125},
                                   {"exit_code", 8}});
}

TEST_CASE("cp --progress=json puts JSON lines and nothing else on stderr") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {std::string(2500, 'x'), {}, {}}}, {"p/b", {"1", {}, {}}}};
  world.cloud.fail.emplace("fetch p/b", make_error(Errc::kDenied, "sj://bucket/p/b: permission denied"));
  auto copied = world.run({"cp", "-r", "--progress=json", "sj://bucket/p/", world.folder / "d"});
  CHECK(copied.code == 8);
  auto lines = copied.err_json();
  CHECK(lines.front()["event"] == "start");
  CHECK(lines.back()["event"] == "summary");
  CHECK(of_kind(lines, "summary").size() == 1);
  CHECK(of_kind(lines, "file").size() == 2);
  CHECK(fields(of_kind(lines, "progress").at(0)) ==
        std::set<std::string>{"v", "event", "elapsed", "bytes_done", "bytes_committed", "bytes_total", "rate",
                              "segments", "window", "connections", "files_done", "files_failed",
                              "bytes_resumed", "eta"});
  CHECK(lines.front()["parallelism"].is_null());
  auto summary = lines.back();
  CHECK(summary["overhead"].is_null());
  CHECK(summary["window"].is_number_unsigned());
  CHECK(summary["last_percent_seconds"].is_number());
  CHECK(summary["bytes"] == 2500);
  CHECK(summary["files"] == 1);
  CHECK(summary["failed"] == 1);
  CHECK(summary["exit_code"] == 8);
}

TEST_CASE("With a fixed number of segments there is no window, and with several files no last hundredth") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {"2", {}, {}}}, {"p/b", {"1", {}, {}}}};
  auto copied = world.run({"cp", "-r", "-p", "3", "--progress=json", "sj://bucket/p/", world.folder / "d"});
  auto lines = copied.err_json();
  CHECK(lines.front()["parallelism"] == 3);
  CHECK(lines.back()["window"].is_null());
  CHECK(lines.back()["last_percent_seconds"].is_null());
  CHECK(lines.back()["last_percent_share"].is_null());
}

TEST_CASE("cp ends its JSON with a summary whatever happens") {
  World world;
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"cp", "--progress=json", "sj://missing/key", "-"},
           {"cp", "--progress=json", "a", "b"},
           {"cp", "--progress=json", "--access", "nobody", "sj://missing/key", "-"},
           {"cp", "--progress=json", "-r", "sj://missing/", world.folder / "d"},
       }) {
    auto failed = world.run(args);
    auto lines = failed.err_json();
    CHECK(of_kind(lines, "summary").size() == 1);
    CHECK(lines.back()["exit_code"] == failed.code);
    CHECK(of_kind(lines, "error").size() + of_kind(lines, "file").size() == 1);
  }
}

TEST_CASE("cp writes JSON to a file or descriptor, and errors stay readable on stderr") {
  World world;
  world.cloud.buckets["bucket"]["key"] = {"x", {}, {}};
  std::string path = world.folder / "progress";
  auto failed = world.run({"cp", "--progress-file", path, "sj://bucket/none", world.folder / "o"});
  CHECK(failed.err == "sjcp: sj://bucket/none: object not found\n");
  CHECK(of_kind(Outcome::parse_lines(read_file(path)), "summary").size() == 1);

  int fd = ::memfd_create("progress", 0);
  auto copied = world.run(
      {"cp", "--progress=json", "--progress-fd", std::to_string(fd), "sj://bucket/key", world.folder / "o"});
  CHECK(copied.err.empty());
  std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  REQUIRE(::pread(fd, text.data(), text.size(), 0) > 0);
  CHECK(::close(fd) == 0);
  CHECK(Outcome::parse_lines(text).back()["exit_code"] == 0);
}

TEST_CASE("JSON stays valid whatever bytes a key has") {
  World world;
  world.cloud.buckets["bucket"]["p/\xff\xfe\"x"] = {"x", {}, {}};
  auto copied = world.run({"cp", "-r", "--progress=json", "sj://bucket/p/", world.folder / "d"});
  CHECK(copied.code == 0);
  CHECK(of_kind(copied.err_json(), "file").at(0)["source"] == "sj://bucket/p/\xEF\xBF\xBD\xEF\xBF\xBD\"x");
}

TEST_CASE("The bar fits the terminal and says what is known") {
  cli::ProgressEvent event;
  event.bytes_done = event.bytes_committed = 512 * kMiB;
  event.bytes_total = 2 * kGiB;
  event.total_known = true;
  event.rate = 64.0 * 1024 * 1024;
  event.eta = 24;
  CHECK(cli::bar_line(event, 80) ==
        "[========>                          ]  25%  512 MiB / 2.00 GiB  64.0 MiB/s  0:24");
  CHECK(cli::bar_line(event, 40) == "512 MiB / 2.00 GiB  64.0 MiB/s  0:24");
  CHECK(cli::bar_line(event, 10) == "512 MiB / ");
  event.total_known = false;
  event.eta.reset();
  CHECK(cli::bar_line(event, 80) == "512 MiB  64.0 MiB/s");
}

TEST_CASE("The bar gets out of the way of an error") {
  std::ostringstream err;
  cli::BarView bar(err, [] { return 80U; });
  bar.progress({});
  bar.error(make_error(Errc::kNetwork, "satellite: gone"));
  CHECK(err.str().find("\r\x1b[Ksjcp: satellite: gone\n") != std::string::npos);
}

TEST_CASE("What nodes have acknowledged counts, and is told apart from what is committed") {
  MovingClock clock;
  transfer::Counters counters;
  std::string text;
  cli::Reporter reporter(json_into(text), counters, clock);
  reporter.start({"cp", clock.wall_now(), 0, 1, 0}, 0ms);
  reporter.planned(1000);
  reporter.plan_complete();
  {
    transfer::Landing first(counters);
    transfer::Landing second(counters);
    first.reach(300);
    second.more(100);
    clock.now += 1s;
    reporter.sample();
    // A segment that goes up again is not shown to go back.
    first.reach(0);
    reporter.sample();
    first.reach(500);
    second.reach(900);
    reporter.sample();
    counters.bytes_done = 500;
  }
  CHECK(counters.bytes_landing == 0);
  reporter.finish(5);
  const auto lines = Outcome::parse_lines(text);
  REQUIRE(lines.size() == 6);
  CHECK(lines[1]["bytes_done"] == 400);
  CHECK(lines[1]["bytes_committed"] == 0);
  CHECK(lines[1]["rate"] == 400);
  CHECK(lines[1]["eta"] == 1.5);
  CHECK(lines[2]["bytes_done"] == 400);
  CHECK(lines[3]["bytes_done"] == 1000);
  CHECK(lines[4]["bytes_committed"] == 500);
  CHECK(lines[5]["bytes"] == 500);
}

TEST_CASE("Where there is no terminal a line comes every ten seconds, and says what is committed") {
  std::ostringstream err;
  cli::PlainView view(err, false);
  cli::ProgressEvent event;
  event.bytes_done = 512 * kMiB;
  event.bytes_committed = 384 * kMiB;
  event.bytes_total = 2 * kGiB;
  event.total_known = true;
  event.rate = 64.0 * 1024 * 1024;
  event.eta = 24;
  for (int second = 0; second <= 25; ++second) {
    event.elapsed = second;
    view.progress(event);
  }
  const std::string line = "sjcp: 25%  512 MiB / 2.00 GiB  64.0 MiB/s  0:24  (384 MiB committed)\n";
  CHECK(err.str() == line + line);
}

TEST_CASE("-v names each file, and says how it went on where there is no terminal") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {std::string(2500, 'x'), {}, {}}}, {"p/b", {"1", {}, {}}}};
  const std::string to = world.folder / "d";
  auto quiet = world.run({"cp", "-r", "sj://bucket/p/", to});
  CHECK(quiet.err.empty());
  auto told = world.run({"cp", "-v", "-r", "sj://bucket/p/", to});
  CHECK(told.err.find("sjcp: sj://bucket/p/a to " + to + "/a: 2.44 KiB in 0.0 s\n") != std::string::npos);
  CHECK(told.err.find("2 files") != std::string::npos);
  auto skipped = world.run({"cp", "-v", "--no-clobber", "-r", "sj://bucket/p/", to});
  CHECK(skipped.err.find("/b: skipped\n") != std::string::npos);
  CHECK(world.run({"cp", "--progress=plain", "-r", "sj://bucket/p/", to}).err.find("2 files") !=
        std::string::npos);
  CHECK(world.run({"cp", "-v", "--progress=none", "-r", "sj://bucket/p/", to}).err.find("files") ==
        std::string::npos);
}

TEST_CASE("Progress that cannot be written is told once, the copy goes on, and the exit code is 7") {
  World world;
  world.cloud.buckets["bucket"] = {{"p/a", {std::string(2500, 'x'), {}, {}}}, {"p/b", {"1", {}, {}}}};
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  for (const std::vector<std::string>& option : std::vector<std::vector<std::string>>{
           {"--progress-file", "/dev/full"}, {"--progress-fd", std::to_string(full)}}) {
    std::vector<std::string> args = {"cp", "-r", "sj://bucket/p/", world.folder / "d" + option[0]};
    args.insert(args.begin() + 1, option.begin(), option.end());
    auto copied = world.run(args);
    CAPTURE(option[0], copied.err);
    CHECK(copied.code == 7);
    CHECK(std::count(copied.err.begin(), copied.err.end(), '\n') == 1);
    CHECK(copied.err.find("No space left on device") != std::string::npos);
    CHECK(read_file(world.folder / "d" + option[0] + "/b") == "1");
  }
  ::close(full);
  // An error of the copy itself is the outcome.
  CHECK(world.run({"cp", "--progress-file", "/dev/full", "sj://bucket/none", world.folder / "o"}).code == 3);
  // A reader that has gone wants no more of it.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  auto gone =
      world.run({"cp", "--progress-fd", std::to_string(ends[1]), "sj://bucket/p/b", world.folder / "o"});
  ::close(ends[1]);
  CHECK(gone.code == 0);
  CHECK(gone.err.empty());
}
