// sjnet: a satellite and its storage nodes in one process.  See README.md.
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/network/control.h"
#include "tests/network/control_commands.h"
#include "tests/network/network.h"

namespace sjcp::network {
namespace {

struct Options {
  NetworkOptions network;
  std::string access_file;
  std::string control;
  std::chrono::seconds clock_offset{0};
};

// The machine's clock, and a wall clock that is wrong.
class ShiftedClock : public Clock {
 public:
  explicit ShiftedClock(std::chrono::seconds offset) : offset_(offset) {}
  Steady steady_now() const override { return system_clock().steady_now(); }
  Wall wall_now() const override { return system_clock().wall_now() + offset_; }

 private:
  const std::chrono::seconds offset_;
};

// "BUCKET=VALUE".
bool split_bucket(const std::string& text, std::string& bucket, std::string& value) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  bucket = text.substr(0, equals);
  value = text.substr(equals + 1);
  return true;
}

// "TAG:WITHHELD:NEEDED".
std::optional<Cohort> parse_cohort(const std::string& text) {
  const size_t first = text.find(':');
  const size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos || first == 0) return std::nullopt;
  const int withheld = std::atoi(text.c_str() + first + 1);
  const int needed = std::atoi(text.c_str() + second + 1);
  if (withheld < 1 || needed < 1) return std::nullopt;
  return Cohort{text.substr(0, first), withheld, needed};
}

Status add_placements(const std::vector<std::string>& schemes, const std::vector<std::string>& cohorts,
                      NetworkOptions& options) {
  std::string bucket;
  std::string value;
  for (const std::string& text : schemes) {
    if (!split_bucket(text, bucket, value) || !parse_schemes(value, options.placements[bucket].schemes)) {
      return make_error(Errc::kUsage, "--ec: not BUCKET=k/m/o/n[,k/m/o/n...]: " + text);
    }
  }
  for (const std::string& text : cohorts) {
    std::optional<Cohort> cohort;
    if (split_bucket(text, bucket, value)) cohort = parse_cohort(value);
    if (!cohort) return make_error(Errc::kUsage, "--cohort: not BUCKET=TAG:WITHHELD:NEEDED: " + text);
    Placement& placement = options.placements[bucket];
    if (placement.schemes.empty()) placement.schemes.push_back(options.redundancy);
    placement.cohort = std::move(cohort);
  }
  return {};
}

// A network and its clients may hold tens of connections for every segment in flight.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Pieces come and go.  To hand their memory back, and have it cleared again for the next upload, costs a
// seventh of what serving that upload does.
void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

std::string default_control_socket() {
  const char* folder = std::getenv("TMPDIR");
  return std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/sjnet-" +
         std::to_string(::getpid()) + ".sock";
}

Status write_private_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(path, errno);
  const ssize_t n = ::write(fd, text.data(), text.size());
  const int error = n == static_cast<ssize_t>(text.size()) ? 0 : (n < 0 ? errno : ENOSPC);
  ::close(fd);
  if (error != 0) return errno_error(path, error);
  return {};
}

int fail(const Error& error) {
  std::fprintf(stderr, "sjnet: %s\n", error.what.c_str());
  return error.code == Errc::kUsage ? 2 : 1;
}

int run(const Options& options) {
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  keep_freed_memory();
  asio::io_context loop;
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const std::error_code& error, int) {
    if (!error) loop.stop();
  });
  const ShiftedClock clock(options.clock_offset);
  auto network = Network::create(options.network, clock);
  if (!network) return fail(network.error());
  auto control = Control::open(loop, **network, options.control, [&] { loop.stop(); });
  if (!control) return fail(control.error());
  if (!options.access_file.empty()) {
    if (auto written = write_private_file(options.access_file, (*network)->access_grant() + "\n"); !written) {
      return fail(written.error());
    }
  }
  std::printf("%s\n", ready_line(**network, options.control).c_str());
  std::fflush(stdout);
  loop.run();
  (*network)->stop();
  return 0;
}

int main_with(int argc, char** argv) {
  Options options;
  options.control = default_control_socket();
  std::string rs;
  std::string segment_size = "64MiB";
  std::string path_cipher = "aesgcm";
  std::string noise = "on";
  int64_t clock_offset = 0;
  std::string checksums = "off";
  std::vector<std::string> schemes;
  std::vector<std::string> cohorts;
  CLI::App app{"A local Storj network: a satellite and its storage nodes on loopback."};
  app.add_option("--nodes", options.network.nodes, "Number of storage nodes")->capture_default_str();
  app.add_option("--rs", rs, "Redundancy k/m/o/n, such as 29/35/65/80 (default 4/6/8/10)");
  app.add_option("--ec", schemes,
                 "BUCKET=k/m/o/n: the redundancy of a bucket's new segments; several with commas take turns");
  app.add_option("--owners", options.network.owners, "So many owners of nodes, in turn: their tag \"owner\"");
  app.add_option(
      "--cohort", cohorts,
      "BUCKET=TAG:WITHHELD:NEEDED: pieces that must be stored beside those of the most frequent values");
  app.add_option("--segment-size", segment_size, "Largest plain segment")->capture_default_str();
  app.add_option("--bind", options.network.bind, "Address to listen on")->capture_default_str();
  app.add_option("--node-bind", options.network.node_bind,
                 "IPv4 address of the first node, the others have those after it; default: that of --bind");
  app.add_option("--port", options.network.port, "The satellite's port, nodes follow; 0: any");
  app.add_option("--dir", options.network.folder, "Keep pieces in files below this folder, not in memory");
  app.add_option("--access-file", options.access_file, "Write the access grant to this file");
  app.add_option("--control", options.control, "Path of the control socket");
  app.add_option("--path-cipher", path_cipher, "aesgcm or null")->check(CLI::IsMember({"aesgcm", "null"}));
  app.add_option("--noise", noise, "on or off: whether nodes offer Noise")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--clock-offset", clock_offset, "Seconds by which its clock is ahead of the machine's");
  app.add_option("--checksums", checksums, "on or off: whether the satellite takes checksums of objects")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--threads", options.network.threads, "Serving threads; 0: one for every processor");
  CLI11_PARSE(app, argc, argv);
  options.network.plain_paths = path_cipher == "null";
  options.network.noise = noise == "on";
  options.clock_offset = std::chrono::seconds(clock_offset);
  options.network.checksums = checksums == "on";
  if (!rs.empty() && !parse_redundancy(rs, options.network.redundancy)) {
    return fail(make_error(Errc::kUsage, "--rs: not k/m/o/n with 1 <= k <= m <= o <= n <= 255: " + rs));
  }
  if (auto ok = add_placements(schemes, cohorts, options.network); !ok) return fail(ok.error());
  const auto size = parse_size(segment_size);
  if (!size || *size == 0 || *size > kGiB) {
    return fail(make_error(Errc::kUsage, "--segment-size: not a size of at most 1 GiB: " + segment_size));
  }
  options.network.segment_bytes = static_cast<int64_t>(*size);
  return run(options);
}

}  // namespace
}  // namespace sjcp::network

int main(int argc, char** argv) {
  return sjcp::network::main_with(argc, argv);
}
