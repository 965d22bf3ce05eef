// Dates and durations in the spellings of uplink's options and output.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::cli {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

enum class Rounding {
  kDown,  // "2024-05-01" is its first instant
  kUp,    // "2024-05-01" is its last instant
};

// "", "none": no time.  "now", "+2h", "-90m", "+3d", "2h" (from now), RFC 3339 with zone, and in local time
// "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02".  kUsage otherwise; `option` names it in the
// message.
Result<std::optional<Time>> parse_human_time(std::string_view text, Time now, Rounding rounding,
                                             std::string_view option);

// "2006-01-02 15:04:05", in local time or UTC.
std::string format_time(Time time, bool utc);
// "2006-01-02T15:04:05.123Z": UTC, fraction only when there is one.
std::string format_rfc3339(Time time);
// Go's form: "720h0m0s", "1m30s", "1.5s", "100ms", "0s".
std::string format_go_duration(std::chrono::nanoseconds duration);

}  // namespace sjcp::cli
