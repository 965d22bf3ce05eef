#include "net/http/retry.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>

namespace sjcp::http {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool worth_retrying(const Error& error) {
  return (error.code == Errc::kNetwork || error.code == Errc::kLimited) && error.cause != 507;
}

std::optional<Clock::Wall> parse_date(std::string_view text) {
  const std::string copy(text);
  // The form that senders must use, and the two older ones that recipients must take (RFC 9110, 5.6.7).
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm fields{};
    const char* end = strptime(copy.c_str(), format, &fields);
    if (end == nullptr || *end != '\0') continue;
    return std::chrono::system_clock::from_time_t(timegm(&fields));
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

bool RetryBudget::take() {
  uint64_t left = left_.load();
  while (left >= kEarning && !left_.compare_exchange_weak(left, left - kEarning)) {
  }
  return left >= kEarning;
}

void RetryBudget::earn(uint64_t bytes) {
  uint64_t left = left_.load();
  while (left < full_ && !left_.compare_exchange_weak(left, left + std::min(bytes, full_ - left))) {
  }
}

std::optional<milliseconds> Retry::wait(const Error& error, std::optional<seconds> asked) {
  if (!worth_retrying(error)) return std::nullopt;
  if (error.cause >= 100) heard_ = true;  // a status is an answer
  ++tries_;
  if (tries_ >= (heard_ ? rules_.tries : rules_.tries_unheard) || !budget_.take()) return std::nullopt;
  milliseconds full = rules_.first_wait;
  for (unsigned i = 1; i < tries_ && full < rules_.longest_wait; ++i) full *= 2;
  full = std::min(full, rules_.longest_wait);
  const milliseconds jitter(static_cast<int64_t>(random_() * static_cast<double>(full.count())));
  if (!asked) return jitter;
  // Those who were all asked to come back at the same moment spread a little.
  return std::min<milliseconds>(*asked, rules_.longest_asked) + std::min(jitter, milliseconds(1000));
}

Retry::Random system_random() {
  return [] {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

}  // namespace sjcp::http
