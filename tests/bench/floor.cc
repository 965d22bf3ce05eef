// Prints in one line of JSON what the least is that a transfer can cost on this machine:
//   floor get K/M/O/N SOURCE TARGET
//   floor put K/M/O/N SOURCE
#include "tests/bench/floor.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstring>

#include "tests/bench/floor_lines.h"

using namespace sjcp;
using namespace sjcp::bench;

namespace {

segment::Redundancy parse_redundancy(const char* text) {
  segment::Redundancy rs;
  if (std::sscanf(text, "%u/%u/%u/%u", &rs.required, &rs.repair, &rs.optimal, &rs.total) != 4 || !rs.valid())
    die(std::string("not a redundancy scheme: ") + text);
  return rs;
}

void print(const Floor& floor) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(R"({"wall_s":%.4f,"cpu_s":%.4f,"peak_mib":%.1f,"parts":{)", floor.wall_seconds,
              floor.cpu_seconds, static_cast<double>(usage.ru_maxrss) / 1024);
  const char* comma = "";
  for (const auto& [name, seconds] : floor.parts) {
    std::printf(R"(%s"%s":%.4f)", comma, name.c_str(), seconds);
    comma = ",";
  }
  std::printf("}}\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "get") == 0) {
    print(download_floor(parse_redundancy(argv[2]), argv[3], argv[4]));
  } else if (argc == 4 && std::strcmp(argv[1], "put") == 0) {
    print(upload_floor(parse_redundancy(argv[2]), argv[3]));
  } else {
    die("usage: floor get K/M/O/N SOURCE TARGET | floor put K/M/O/N SOURCE");
  }
}
