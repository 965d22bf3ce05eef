// Moments in replies, and when a server wants to be asked again.
//
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/base/clock.h"
#include "net/http/client.h"

namespace sjcp::http {

// Seconds or a date; nothing: the header is absent or malformed.  A moment that is over: 0.
std::optional<std::chrono::seconds> retry_after(std::string_view value, Clock::Wall now);
// Of a reply: an exhausted RateLimit, else Retry-After.
std::optional<std::chrono::seconds> retry_after(const Head& head, Clock::Wall now);

// The clock's moment for it: what lies before 1950 or after 2200 becomes one of these, so that no two differ
// by more than the clock can count.
Clock::Wall moment_of(std::chrono::sys_seconds time);
// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing: it is no such date.
std::optional<Clock::Wall> parse_date(std::string_view text);

}  // namespace sjcp::http
