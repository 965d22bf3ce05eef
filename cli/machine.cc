#include "cli/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace sjcp::cli {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// "max", and anything else that is no number, sets no limit.
uint64_t limit_in(const std::string& file) {
  const std::string text = contents(file);
  uint64_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  return parsed.ec == std::errc() ? limit : UINT64_MAX;
}

bool lists_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// Inside a container the path may be one of the host's: what does not exist sets no limit, and the top does.
template <class Read>
uint64_t least_upwards(const std::string& top, std::string path, const Read& read) {
  uint64_t least = read(top);
  while (path.size() > 1) {
    least = std::min(least, read(top + path));
    path.resize(path.rfind('/'));
  }
  return least;
}

// UINT64_MAX: none.
uint64_t limit_of(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return UINT64_MAX;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return Machine().descriptors;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return static_cast<size_t>(std::min<uint64_t>(limit.rlim_cur, SIZE_MAX));
}

}  // namespace

uint64_t control_group_memory(const std::string& membership, const std::string& root) {
  uint64_t least = UINT64_MAX;
  std::istringstream lines(membership);
  // "hierarchy:controllers:path"; no controllers: the unified hierarchy.
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, least_upwards(root, path, [](const std::string& group) {
                         return std::min(limit_in(group + "/memory.max"), limit_in(group + "/memory.high"));
                       }));
    } else if (lists_memory(controllers)) {
      least = std::min(least, least_upwards(root + "/memory", path, [](const std::string& group) {
                         return limit_in(group + "/memory.limit_in_bytes");
                       }));
    }
  }
  return least;
}

uint64_t process_memory(uint64_t address_space, uint64_t data, const std::string& statm, uint64_t page) {
  // size resident shared text lib data dt
  std::istringstream numbers(statm);
  uint64_t pages[6] = {};
  for (uint64_t& number : pages) numbers >> number;
  const auto left = [page](uint64_t limit, uint64_t used) {
    return limit == UINT64_MAX ? limit : limit - std::min(limit, used * page);
  };
  return std::min(left(address_space, pages[0]), left(data, pages[5]));
}

Machine examine_machine() {
  Machine machine;
  const auto pages = static_cast<uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L));
  const auto page = static_cast<uint64_t>(std::max(sysconf(_SC_PAGESIZE), 0L));
  machine.memory_bytes =
      std::min(pages * page, control_group_memory(contents("/proc/self/cgroup"), "/sys/fs/cgroup"));
  const uint64_t left =
      process_memory(limit_of(RLIMIT_AS), limit_of(RLIMIT_DATA), contents("/proc/self/statm"), page);
  // 0 would stand for a machine that does not say.
  if (left < UINT64_MAX) machine.memory_bytes = std::max<uint64_t>(std::min(machine.memory_bytes, left), 1);
  machine.descriptors = raise_descriptor_limit();
  return machine;
}

}  // namespace sjcp::cli
