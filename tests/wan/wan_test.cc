// The emulator itself: kernel TCP through two namespaces, and sjcp with sjnet at either end.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "tests/e2e/child.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/wan/emulator.h"

namespace sjcp::wan {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

constexpr uint16_t kPort = 9000;

// An emulator that runs in a thread of its own.
class Running {
 public:
  explicit Running(const std::string& profile, const EmulatorOptions& options = {}) {
    auto emulator = Emulator::create(*parse_profile("test", profile), options);
    if (!emulator) throw std::runtime_error(emulator.error().what);
    emulator_ = std::move(*emulator);
    emulator_->watch(stop_.get(), [this] { emulator_->stop(); });
    emulator_->begin_events();
    thread_ = std::thread([this] { emulator_->run(); });
  }
  ~Running() { stop(); }

  // What it counted; it moves nothing from then on.
  Json stop() {
    const uint64_t one = 1;
    if (thread_.joinable() && ::write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
    return Json::parse(emulator_->stats_json());
  }

  // A socket in the given namespace: that of the thread which makes it.
  static local::Descriptor make_socket(const Space& space) {
    local::Descriptor out;
    std::thread([&] {
      if (space.enter()) out = local::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }).join();
    return out;
  }

  local::Descriptor listen(uint32_t address) const {
    auto out = make_socket(emulator_->far_space());
    const sockaddr_in at = endpoint(address);
    REQUIRE(::bind(out.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(out.get(), 16) == 0);
    return out;
  }

  local::Descriptor connect(uint32_t address) const {
    auto out = make_socket(emulator_->near_space());
    const timeval limit{20, 0};
    ::setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    REQUIRE(connects(out, address));
    return out;
  }

  bool connects(uint32_t address, std::chrono::milliseconds within) const {
    const auto socket = make_socket(emulator_->near_space());
    const timeval limit{within.count() / 1000, within.count() % 1000 * 1000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return connects(socket, address);
  }

 private:
  static bool connects(const local::Descriptor& socket, uint32_t address) {
    const sockaddr_in at = endpoint(address);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  static sockaddr_in endpoint(uint32_t address) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(kPort);
    out.sin_addr.s_addr = htonl(address);
    return out;
  }

  std::unique_ptr<Emulator> emulator_;
  local::Descriptor stop_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

// Accepts one connection and sends it reproducible bytes.
std::thread serve(const local::Descriptor& listener, size_t size) {
  return std::thread([fd = listener.get(), size] {
    const local::Descriptor peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    std::string data(size, '\0');
    for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 31 % 251);
    for (size_t sent = 0; sent < size;) {
      const ssize_t n = ::send(peer.get(), data.data() + sent, size - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  });
}

// True when all bytes came, and were these.
bool receive_all(const local::Descriptor& socket, size_t size) {
  std::string buffer(1 << 18, '\0');
  size_t got = 0;
  for (;;) {
    const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return n == 0 && got == size;
    for (size_t i = 0; i < static_cast<size_t>(n); ++i, ++got) {
      if (buffer[i] != static_cast<char>(got * 31 % 251)) return false;
    }
  }
}

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Somebody else's child.
class Process {
 public:
  explicit Process(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    REQUIRE(fd_.valid());
  }
  bool ends_within(std::chrono::milliseconds time) const {
    pollfd ended{fd_.get(), POLLIN, 0};
    return ::poll(&ended, 1, static_cast<int>(time.count())) == 1;
  }

 private:
  local::Descriptor fd_;
};

e2e::Exit run_sjwan(std::vector<std::string> args, const std::string& home = "/nonexistent") {
  e2e::Command command;
  command.program = SJCP_SJWAN;
  command.args = std::move(args);
  command.env = {{"PATH", std::string(SJCP_BUILD) + ":/usr/local/bin:/usr/bin:/bin"}, {"HOME", home}};
  return e2e::Child(std::move(command)).finish();
}

}  // namespace

TEST_CASE("A connection takes the round trip of its own path") {
  Running area(R"({"path":{"rtt_ms":80},"events":[{"paths":"10.66.1.2","set":{"rtt_ms":30}}]})");
  const auto listener = area.listen(0);
  for (const auto& [address, round_trip] : {std::pair(kFirstNode, 0.08), std::pair(kFirstNode + 1, 0.03)}) {
    double least = 1;
    for (int i = 0; i < 5; ++i) {
      const auto begin = SteadyClock::now();
      area.connect(address);
      const double took = seconds_since(begin);
      CHECK(took >= round_trip);
      least = std::min(least, took);
    }
    // Later only by what a loaded machine adds each time.
    CHECK(least < round_trip + 0.04);
  }
}

TEST_CASE("TCP gets what the line has and not more, with all its bytes") {
  Running area(R"({"line":{"down":{"mbit":80,"queue_ms":50}},"path":{"rtt_ms":10}})");
  const auto listener = area.listen(kFirstService);
  constexpr size_t kSize = 5'000'000;
  std::thread server = serve(listener, kSize);
  const auto socket = area.connect(kFirstService);
  const auto begin = SteadyClock::now();
  CHECK(receive_all(socket, kSize));
  const double took = seconds_since(begin);
  server.join();
  // 0.5 s at the full rate, without headers.
  CHECK(took > 0.5);
  CHECK(took < 1.5);
}

TEST_CASE("TCP mends what is lost, of trains too") {
  Running area(R"({"path":{"rtt_ms":1,"loss":0.01}})");
  const auto listener = area.listen(kFirstService);
  constexpr size_t kSize = 20'000'000;
  std::thread server = serve(listener, kSize);
  CHECK(receive_all(area.connect(kFirstService), kSize));
  server.join();
  const Json stats = area.stop();
  const double sent = stats["down"]["packets"];
  const double lost = stats["down"]["dropped_packets"]["lost"];
  CHECK(lost / sent > 0.007);
  CHECK(lost / sent < 0.013);
  CHECK(stats["down"]["tcp_segments_resent"].get<double>() >= lost);
  CHECK(stats["write_errors"] == 0);
  // Trains did cross.
  CHECK(stats["down"]["reads"].get<double>() < sent / 2);
}

TEST_CASE("A dead path does not answer, while others do") {
  Running area(R"({"path":{"rtt_ms":10},"events":[{"paths":"10.66.1.1","set":{"dead":true}}]})");
  const auto listener = area.listen(0);
  CHECK(area.connects(kFirstNode + 1, 10s));
  CHECK_FALSE(area.connects(kFirstNode, 300ms));
  const Json stats = area.stop();
  CHECK(stats["paths"][0]["up_dropped"]["dead"] == 1);
}

TEST_CASE("sjwan gives its near command's exit code, environment and figures") {
  const test::TempFolder folder;
  const std::string script = R"(
echo $SJCP_ACCESS/$SJWAN_FAR_2/$SJWAN_PROFILE
until sjwan --ask $SJWAN_CONTROL '{"stats":true}' | grep -q '"ping":{"sent":[1-9][0-9]'; do :; done
sjwan --ask $SJWAN_CONTROL '{"paths":"all","set":{"loss":3}}'
exit 7)";
  const auto exit = run_sjwan({"--profile", "metro", "--far", "echo '{\"access\":\"grant\"}'; exec sleep 60",
                               "--far", "echo second; exec sleep 60", "--stats", folder / "stats", "--ping",
                               "5", "--control", folder / "control", "--", "/bin/sh", "-c", script});
  CAPTURE(exit.err);
  CHECK(exit.code == 7);
  CHECK(exit.out ==
        "grant/second/metro\n{\"error\":\"set: loss is not a number from 0 to 1.000000\",\"ok\":false}\n");
  CHECK(exit.time < 10s);
  std::ifstream in(folder / "stats");
  const Json stats = Json::parse(in);
  CHECK(stats["ping"]["sent"] >= 10);
  // Of a round trip of 8 ms: what a loaded machine adds, and not that.
  CHECK(stats["ping"]["growth"]["p50_ms"] < 4.0);
}

TEST_CASE("sjwan says when a far command fails, and leaves no process behind") {
  const auto failed = run_sjwan({"--profile", "lan", "--far", "exit 3", "--", "/bin/true"});
  CHECK(failed.code == 1);
  CHECK(failed.err == "sjwan: a far command ended with 3 before it was ready\n");
  CHECK(run_sjwan({"--profile", "nowhere", "--", "/bin/true"}).code == 2);
  CHECK(run_sjwan({"--profile", "lan", "--", "/nonexistent/program"}).code == 127);
}

TEST_CASE("What runs inside ends when sjwan is killed") {
  const test::TempFolder folder;
  const std::string file = folder / "pids";
  e2e::Command command;
  command.program = SJCP_SJWAN;
  command.args = {"--profile", "lan",     "--far", "sleep 60 & echo $! >>" + file + "; echo ready; wait",
                  "--",        "/bin/sh", "-c",    "sleep 60 & echo $! >>" + file + "; echo begun; wait"};
  command.env = {{"PATH", "/usr/bin:/bin"}};
  e2e::Child child(std::move(command));
  REQUIRE(child.wait_until([&] { return child.out() == "begun\n"; }));
  std::ifstream in(file);
  std::vector<Process> inside;
  for (pid_t pid = 0; in >> pid;) inside.emplace_back(pid);
  REQUIRE(inside.size() == 2);
  for (const Process& process : inside) CHECK_FALSE(process.ends_within(0ms));
  child.signal(SIGKILL);
  child.finish();
  for (const Process& process : inside) CHECK(process.ends_within(20s));
}

TEST_CASE("sjcp moves a file over the ocean and back, to nodes of their own addresses") {
  const test::TempFolder folder;
  const auto exit =
      run_sjwan({"--profile", "ocean", "--stats", folder / "stats", "--far",
                 "exec sjnet --bind 10.66.0.1 --node-bind 10.66.1.1 --nodes 10 --rs 4/6/8/10 --control " +
                     (folder / "sjnet"),
                 "--", "/bin/sh", "-ec",
                 "cd " + folder.path() +
                     "; head -c 5000000 /dev/urandom >file; sjcp mb sj://bucket; sjcp cp file sj://bucket/o; "
                     "sjcp cp sj://bucket/o back; cmp file back; "
                     "sjwan --ask ./sjnet '{\"op\":\"stats\"}' >nodes; echo same"},
                folder.path());
  CAPTURE(exit.err);
  CHECK(exit.code == 0);
  CHECK(exit.out.ends_with("same\n"));
  std::ifstream in(folder / "stats");
  const Json stats = Json::parse(in);
  CHECK(stats["paths"].size() >= 10);
  CHECK(stats["down"]["arrived_bytes"] > 5'000'000);
  CHECK(stats["up"]["arrived_bytes"] > 5'000'000);
  // Eight pieces were stored and four read over Noise.
  std::ifstream nodes(folder / "nodes");
  CHECK(Json::parse(nodes)["total"]["noise_connections"] >= 12);
}

// Eight segments begin, and a hundred connections are as many as such a line has packets for.
TEST_CASE("On a thin line segments take turns, and what is fetched is what is needed") {
  const test::TempFolder folder;
  const std::string script = R"(
line() { sjwan --ask "$SJWAN_CONTROL" '{"line":{"down":'"$1"',"up":'"$1"'}}' >/dev/null; }
mkdir tree
for i in 1 2 3 4 5 6 7 8; do head -c 8000000 /dev/urandom >tree/$i; done
line '{"mbit":10000,"queue_ms":50}'
sjcp mb sj://bucket
sjcp cp -r tree sj://bucket/tree/
line '{"mbit":100,"queue_ms":75}'
sjcp cp -r -t 8 --log-level debug --progress json --progress-file events sj://bucket/tree/ back
diff -r tree back)";
  const auto exit =
      run_sjwan({"--profile", "home", "--control", folder / "control", "--far",
                 "exec sjnet --bind 10.66.0.1 --node-bind 10.66.1.1 --nodes 84 --rs 29/35/65/80", "--",
                 "/bin/sh", "-ec", "cd " + folder.path() + "\n" + script},
                folder.path());
  CAPTURE(exit.err);
  REQUIRE(exit.code == 0);
  // Who waits for its turn does not count the time as one in which nodes were slow.
  size_t waited = 0;
  const std::regex segment("a segment took ([0-9.]+) s, ([0-9.]+) s of it waiting");
  for (std::sregex_iterator at(exit.err.begin(), exit.err.end(), segment), end; at != end; ++at) {
    waited += std::stod((*at)[2]) < std::stod((*at)[1]) / 2;
  }
  CHECK(waited >= 2);
  std::ifstream in(folder / "events");
  Json last;
  for (std::string line; std::getline(in, line);) last = Json::parse(line);
  CHECK(last["overhead"] < 1.15);
}

}  // namespace sjcp::wan
