#include "net/s3/times.h"

#include <array>
#include <charconv>
#include <ctime>

#include "net/http/retry_after.h"

namespace sjcp::s3 {
namespace {

// Takes `digits` digits off the front.
std::optional<int> number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_seconds> moment(int year, int month, int day, int hour, int minute,
                                               int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

// "Z", "+01:00", nothing.
std::optional<std::chrono::minutes> offset(std::string_view text) {
  if (text.empty() || text == "Z" || text == "UTC") return std::chrono::minutes(0);
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = number(text, 2);
  skip(text, ':');
  const auto minutes = number(text, 2);
  if (!hours || !minutes || !text.empty()) return std::nullopt;
  const std::chrono::minutes sum(*hours * 60 + *minutes);
  return west ? -sum : sum;
}

}  // namespace

std::optional<WallTime> parse_iso_time(std::string_view text) {
  const auto year = number(text, 4);
  if (!year || !skip(text, '-')) return std::nullopt;
  const auto month = number(text, 2);
  if (!month || !skip(text, '-')) return std::nullopt;
  const auto day = number(text, 2);
  if (!day || (!skip(text, 'T') && !skip(text, ' '))) return std::nullopt;
  const auto hour = number(text, 2);
  if (!hour || !skip(text, ':')) return std::nullopt;
  const auto minute = number(text, 2);
  if (!minute || !skip(text, ':')) return std::nullopt;
  const auto second = number(text, 2);
  if (!second) return std::nullopt;
  std::chrono::nanoseconds fraction{0};
  if (skip(text, '.')) {
    std::chrono::nanoseconds unit = std::chrono::seconds(1);
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      unit /= 10;
      fraction += (text.front() - '0') * unit;
      text.remove_prefix(1);
    }
  }
  const auto zone = offset(text);
  const auto time = moment(*year, *month, *day, *hour, *minute, *second);
  if (!zone || !time) return std::nullopt;
  return http::moment_of(*time - *zone) + std::chrono::duration_cast<WallTime::duration>(fraction);
}

std::string iso_time(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

}  // namespace sjcp::s3
