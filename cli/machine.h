// What the machine lets this process have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sjcp::cli {

struct Machine {
  uint64_t memory_bytes = 0;  // RAM, or less where a control group or ulimit -v says so; 0: unknown
  size_t descriptors = 1024;  // that may be open at once
};

// Also raises the limit of open descriptors as far as the system lets it.
Machine examine_machine();

// What limits of the process (ulimit -v, -d) leave it; UINT64_MAX: there are none.  `statm` is what
// /proc/self/statm holds, in pages.
uint64_t process_memory(uint64_t address_space, uint64_t data, const std::string& statm, uint64_t page);

// The least limit of a process's control groups and those above them; UINT64_MAX: there is none.
// `membership` is what /proc/self/cgroup holds, `root` where the groups are mounted.
uint64_t control_group_memory(const std::string& membership, const std::string& root);

}  // namespace sjcp::cli
