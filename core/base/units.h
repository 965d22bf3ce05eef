// Sizes and durations as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sjcp {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// "64MiB", "64M", "1.5 GB", "4096".  K/M/G/T with or without "iB" are powers of 1024; KB/MB/GB/TB powers of
// 1000. nullopt: not a size, negative, or above 2^63-1.
std::optional<uint64_t> parse_size(std::string_view text);

// Powers of 1024 with three significant digits: "512 B", "1.40 GiB".
std::string format_size(uint64_t bytes);

// Go's duration spelling, which uplink's options use: "1h30m", "168h", "90s", "1.5h", "100ms", with sign, and
// "d" is not a unit.  nullopt: not a duration or out of range.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace sjcp
