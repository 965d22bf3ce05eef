#include "net/http/retry_after.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace sjcp::http {

using std::chrono::seconds;

Clock::Wall moment_of(std::chrono::sys_seconds time) {
  using namespace std::chrono;
  return std::clamp(time, sys_seconds(sys_days(year(1950) / 1 / 1)),
                    sys_seconds(sys_days(year(2200) / 1 / 1)));
}

std::optional<Clock::Wall> parse_date(std::string_view text) {
  const std::string copy(text);
  // The form that senders must use, and the two older ones that recipients must take (RFC 9110, 5.6.7).
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm fields{};
    const char* end = strptime(copy.c_str(), format, &fields);
    if (end == nullptr || *end != '\0') continue;
    return moment_of(std::chrono::sys_seconds(seconds(timegm(&fields))));
  }
  return std::nullopt;
}

std::optional<seconds> retry_after(std::string_view value, Clock::Wall now) {
  // Enough for any clamp, and far from overflow.
  constexpr seconds kMost{1'000'000};
  if (!value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos) {
    long long number = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
    return parsed.ec == std::errc() ? std::min(seconds(number), kMost) : kMost;
  }
  const auto date = parse_date(value);
  if (!date) return std::nullopt;
  // Rounded up: not before the moment.
  return std::clamp(std::chrono::ceil<seconds>(*date - now), seconds(0), kMost);
}

namespace {

// `"api";r=0;t=55` (draft-ietf-httpapi-ratelimit-headers): nothing is left for 55 seconds.
std::optional<seconds> limit_reset(std::string_view value) {
  const size_t reset = value.find(";t=");
  if (value.find(";r=0;") == std::string_view::npos || reset == std::string_view::npos) return std::nullopt;
  unsigned number = 0;
  const auto parsed = std::from_chars(value.data() + reset + 3, value.data() + value.size(), number);
  return parsed.ec == std::errc() ? std::optional(seconds(number)) : std::nullopt;
}

}  // namespace

std::optional<seconds> retry_after(const Head& head, Clock::Wall now) {
  if (const auto limit = head.header("RateLimit")) {
    if (const auto reset = limit_reset(*limit)) return reset;
  }
  const auto value = head.header("Retry-After");
  return value ? retry_after(*value, now) : std::nullopt;
}

}  // namespace sjcp::http
