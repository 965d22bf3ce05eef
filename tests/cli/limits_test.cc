#include "cli/limits.h"

#include <filesystem>
#include <fstream>

#include "core/base/units.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using namespace sjcp::cli;
using namespace std::chrono_literals;

namespace {

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("Standard output keeps at most a quarter of the memory, and nothing is set aside without it") {
  CpOptions options;
  options.locations = {"sj://bucket/key", "-"};
  CHECK(stream_buffer(options, kGiB) == 32 * kMiB);
  CHECK(stream_buffer(options, 16 * kMiB) == 4 * kMiB);
  CHECK(stream_buffer(options, 1) == 0);
  options.locations = {"-", "sj://bucket/key"};
  CHECK(stream_buffer(options, kGiB) == 0);
}

TEST_CASE("Without --memory a copy takes a quarter of the machine's, at most 512 MiB, for uploads 256 MiB") {
  CpOptions options;
  CHECK(memory_limit(options, {kGiB, 1024}, false) == 256 * kMiB);
  CHECK(memory_limit(options, {64 * kGiB, 1024}, false) == 512 * kMiB);
  CHECK(memory_limit(options, {64 * kGiB, 1024}, true) == 256 * kMiB);
  CHECK(memory_limit(options, {512 * kMiB, 1024}, true) == 128 * kMiB);
  CHECK(memory_limit(options, {0, 1024}, false) == 192 * kMiB);
  options.memory_bytes = 2 * kGiB;
  CHECK(memory_limit(options, {kGiB, 1024}, false) == 2 * kGiB);
  CHECK(memory_limit(options, {kGiB, 1024}, true) == 2 * kGiB);
}

TEST_CASE("Uploads may hold what the rest of the process leaves of the machine's memory") {
  CHECK(upload_memory({0, 1024}) == UINT64_MAX);
  CHECK(upload_memory({kGiB, 1024}) == kGiB - 32 * kMiB);
  CHECK(upload_memory({64 * kMiB, 1024}) == 32 * kMiB);
  CHECK(upload_memory({kMiB, 1024}) == 0);
}

TEST_CASE("As many files may pay as descriptors and connections allow") {
  CpOptions options;
  CHECK(most_files(options, {0, 1'000'000}) == 256);
  CHECK(most_files(options, {0, 428}) == 42);
  CHECK(most_files(options, {0, 64}) == 4);
  CHECK(most_files(options, {0, 0}) == 1);
  options.max_connections = 20;
  CHECK(most_files(options, {0, 1'000'000}) == 20);
}

TEST_CASE("Few descriptors mean fewer files at a time, whatever was asked for") {
  CHECK(files_allowed(16, {0, 1024}) == 16);
  CHECK(files_allowed(16, {0, 64}) == 4);
  CHECK(files_allowed(16, {0, 20}) == 1);
  CHECK(files_allowed(16, {0, 4}) == 1);
  CHECK(files_per_group(4, {0, 1024}) == 64);
  CHECK(files_per_group(4, {0, 64}) == 4);
  CHECK(files_per_group(16, {0, 20}) == 1);
}

TEST_CASE("Without --max-connections descriptors decide, less those that files need") {
  CpOptions options;
  CHECK(connection_limit(options, {0, 1024}) == 1024 - 128 - 2 * 16);
  CHECK(connection_limit(options, {0, 1'000'000}) == 2048);
  CHECK(connection_limit(options, {0, 64}) == 32);
  CHECK(connection_limit(options, {0, 0}) == 1);
  options.transfers = 100;
  CHECK(connection_limit(options, {0, 1024}) == 1024 - 328);
  options.max_connections = 5000;
  CHECK(connection_limit(options, {0, 1024}) == 5000);
}

TEST_CASE("Rates are one for both ways or down and up") {
  CHECK(parse_rates("10M") == Rates{10 * kMiB, 10 * kMiB});
  CHECK(parse_rates("1.5M/200K") == Rates{3 * kMiB / 2, 200 * kKiB});
  CHECK(parse_rates("off/1G") == Rates{0, kGiB});
  CHECK(parse_rates("0") == Rates{});
  CHECK(parse_rates("off") == Rates{});
  for (const char* wrong : {"", "/", "10M/", "/10M", "fast", "10M/2M/1M", "-1"})
    CHECK_FALSE(parse_rates(wrong));
}

TEST_CASE("A rate file sets the rate, again when it changes, and not when it makes no sense") {
  test::TempFolder folder;
  const std::string path = folder / "rate";
  transfer::Throttle down(5);
  transfer::Throttle up(6);
  std::vector<std::string> warnings;
  auto open = [&] {
    return RateFile::open(
        path, down, up, system_clock(), [&](const std::string& text) { warnings.push_back(text); }, 0ms);
  };
  auto missing = open();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kLocalIo);
  write(path, "what?");
  auto wrong = open();
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Errc::kUsage);
  CHECK(down.rate() == 5);
  CHECK(up.rate() == 6);

  write(path, " 10M/2M\n");
  auto file = open();
  REQUIRE(file);
  CHECK(down.rate() == 10 * kMiB);
  CHECK(up.rate() == 2 * kMiB);

  write(path, "3M");
  (*file)->check();
  CHECK(down.rate() == 3 * kMiB);
  CHECK(up.rate() == 3 * kMiB);
  write(path, "3 elephants");
  (*file)->check();
  (*file)->check();
  CHECK(up.rate() == 3 * kMiB);
  std::filesystem::remove(path);
  (*file)->check();
  CHECK(up.rate() == 3 * kMiB);
  CHECK(warnings.size() == 2);
  write(path, "off");
  (*file)->check();
  CHECK(up.rate() == transfer::Throttle::kNoLimit);
}

TEST_CASE("The least limit of a control group and those above it counts") {
  test::TempFolder folder;
  const std::string root = folder / "cgroup";
  CHECK(control_group_memory("0::/a/b\n", root) == UINT64_MAX);
  write(root + "/a/b/memory.max", "max\n");
  CHECK(control_group_memory("0::/a/b\n", root) == UINT64_MAX);
  write(root + "/a/memory.max", "2000000\n");
  CHECK(control_group_memory("0::/a/b\n", root) == 2'000'000);
  write(root + "/a/b/memory.high", "1000000\n");
  CHECK(control_group_memory("0::/a/b\n", root) == 1'000'000);
  CHECK(control_group_memory("0::/a\n", root) == 2'000'000);
  CHECK(control_group_memory("0::/\n", root) == UINT64_MAX);
  // A path of the host, seen from a container.
  write(root + "/memory.max", "3000000\n");
  CHECK(control_group_memory("0::/elsewhere/c\n", root) == 3'000'000);
}

TEST_CASE("Limits of the older kind of control groups count too") {
  test::TempFolder folder;
  const std::string root = folder / "cgroup";
  write(root + "/memory/a/memory.limit_in_bytes", "4000000\n");
  CHECK(control_group_memory("3:cpu,cpuacct:/a\n5:memory:/a\n0::/\n", root) == 4'000'000);
  CHECK(control_group_memory("3:cpu,memory:/a/b\n", root) == 4'000'000);
  CHECK(control_group_memory("3:cpu:/a\n", root) == UINT64_MAX);
  CHECK(control_group_memory("nonsense\n\n::\n", root) == UINT64_MAX);
}

TEST_CASE("Limits of the process count for what is not used of them yet") {
  const std::string statm = "100 50 40 30 0 20 0\n";
  CHECK(process_memory(UINT64_MAX, UINT64_MAX, statm, 4096) == UINT64_MAX);
  CHECK(process_memory(1'000'000, UINT64_MAX, statm, 4096) == 1'000'000 - 100 * 4096);
  CHECK(process_memory(1'000'000, 200'000, statm, 4096) == 200'000 - 20 * 4096);
  CHECK(process_memory(1000, UINT64_MAX, statm, 4096) == 0);
  CHECK(process_memory(1000, UINT64_MAX, "", 4096) == 1000);
}
