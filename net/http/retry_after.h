// When a server wants to be asked again, as its reply says.
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

// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing: it is no such date.
std::optional<Clock::Wall> parse_date(std::string_view text);

}  // namespace sjcp::http
