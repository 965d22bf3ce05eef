#include "cli/human_time.h"

#include <cstdio>
#include <ctime>

#include "cli/redact.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Reads fixed-width numbers and literal characters off the front of a date.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool literal(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(size_t digits, int low, int high, int& out) {
    if (rest_.size() < digits) return false;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    out = value;
    return value >= low && value <= high;
  }
  // ".123": any number of digits, of which nine count.
  bool fraction(int64_t& nanos) {
    if (!literal('.')) return true;
    int64_t unit = 100'000'000;
    size_t n = 0;
    for (; n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9'; ++n) {
      nanos += (rest_[n] - '0') * unit;
      unit /= 10;
    }
    rest_.remove_prefix(n);
    return n > 0;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Fields {
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int64_t nanos = 0;
  enum { kDay, kMinute, kSecond } precision = kDay;
  std::optional<seconds> zone;  // offset from UTC; nullopt: local time
};

bool scan_zone(Scanner& in, Fields& f) {
  if (in.literal('Z')) {
    f.zone = seconds(0);
    return true;
  }
  int sign = in.literal('+') ? 1 : in.literal('-') ? -1 : 0;
  int hours = 0;
  int minutes = 0;
  if (sign == 0 || !in.number(2, 0, 23, hours) || !in.literal(':') || !in.number(2, 0, 59, minutes))
    return false;
  f.zone = seconds(sign * (hours * 3600 + minutes * 60));
  return true;
}

std::optional<Fields> scan_date(std::string_view text) {
  Scanner in(text);
  Fields f;
  if (!in.number(4, 0, 9999, f.year) || !in.literal('-') || !in.number(2, 1, 12, f.month) ||
      !in.literal('-') || !in.number(2, 1, 31, f.day)) {
    return std::nullopt;
  }
  std::chrono::year_month_day date{std::chrono::year(f.year),
                                   std::chrono::month(static_cast<unsigned>(f.month)),
                                   std::chrono::day(static_cast<unsigned>(f.day))};
  if (!date.ok()) return std::nullopt;
  if (in.done()) return f;
  if (!in.literal('T') || !in.number(2, 0, 23, f.hour) || !in.literal(':') ||
      !in.number(2, 0, 59, f.minute)) {
    return std::nullopt;
  }
  f.precision = Fields::kMinute;
  if (in.done()) return f;
  if (!in.literal(':') || !in.number(2, 0, 59, f.second) || !in.fraction(f.nanos)) return std::nullopt;
  f.precision = Fields::kSecond;
  if (in.done()) return f;
  if (!scan_zone(in, f) || !in.done()) return std::nullopt;
  return f;
}

// Nothing: Time counts nanoseconds, and ends in the years 1677 and 2262.
std::optional<Time> time_of(std::chrono::sys_seconds moment, nanoseconds more) {
  if (moment < std::chrono::ceil<seconds>(Time::min()) + seconds(1)) return std::nullopt;
  if (moment > std::chrono::floor<seconds>(Time::max()) - seconds(1)) return std::nullopt;
  return Time(moment) + more;
}

std::optional<Time> resolve(Fields f, Rounding rounding) {
  if (f.zone) {
    std::chrono::year_month_day date{std::chrono::year(f.year),
                                     std::chrono::month(static_cast<unsigned>(f.month)),
                                     std::chrono::day(static_cast<unsigned>(f.day))};
    seconds of_day(f.hour * 3600 + f.minute * 60 + f.second);
    return time_of(std::chrono::sys_days(date) + of_day - *f.zone, nanoseconds(f.nanos));
  }
  bool up = rounding == Rounding::kUp;
  if (up) {
    // The next unit minus one nanosecond, as uplink rounds; mktime carries overflowing fields.
    f.nanos = 0;
    if (f.precision == Fields::kDay) ++f.day;
    if (f.precision == Fields::kMinute) ++f.minute;
    if (f.precision == Fields::kSecond) ++f.second;
  }
  std::tm tm{};
  tm.tm_year = f.year - 1900;
  tm.tm_mon = f.month - 1;
  tm.tm_mday = f.day;
  tm.tm_hour = f.hour;
  tm.tm_min = f.minute;
  tm.tm_sec = f.second;
  tm.tm_isdst = -1;
  return time_of(std::chrono::sys_seconds(seconds(std::mktime(&tm))), nanoseconds(f.nanos - (up ? 1 : 0)));
}

// "3d" in "+3d": days are a unit only here.
std::optional<nanoseconds> parse_offset(std::string_view text) {
  if (text.size() >= 3 && text.size() <= 8 && text.back() == 'd' && (text[0] == '+' || text[0] == '-')) {
    int days = 0;
    Scanner in(text.substr(1, text.size() - 2));
    if (in.number(text.size() - 2, 0, 999'999, days) && in.done() && days < 36'500) {
      return std::chrono::hours(24 * days * (text[0] == '-' ? -1 : 1));
    }
    return std::nullopt;
  }
  return parse_duration(text);
}

}  // namespace

Result<std::optional<Time>> parse_human_time(std::string_view text, Time now, Rounding rounding,
                                             std::string_view option) {
  if (text.empty() || text == "none") return std::optional<Time>();
  if (text == "now") return std::optional<Time>(now);
  const auto beyond = [&] {
    return make_error(Errc::kUsage, std::string(option) + " " + shown(text) +
                                        " cannot be told; times lie between the years 1678 and 2261");
  };
  if (auto offset = parse_offset(text)) {
    int64_t sum = 0;
    if (__builtin_add_overflow(now.time_since_epoch().count(), offset->count(), &sum)) return beyond();
    return std::optional<Time>(Time(nanoseconds(sum)));
  }
  if (auto fields = scan_date(text)) {
    auto time = resolve(*fields, rounding);
    if (!time) return beyond();
    return time;
  }
  return make_error(Errc::kUsage,
                    std::string(option) + " " + shown(text) +
                        " is not a time; write +24h, now, none, 2006-01-02 or 2006-01-02T15:04:05Z");
}

std::string format_time(Time time, bool utc) {
  std::time_t t = std::chrono::floor<seconds>(time).time_since_epoch().count();
  std::tm tm{};
  if (utc) {
    gmtime_r(&t, &tm);
  } else {
    localtime_r(&t, &tm);
  }
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S", &tm);
  return buffer;
}

std::string format_rfc3339(Time time) {
  auto whole = std::chrono::floor<seconds>(time);
  std::string text = format_time(whole, true);
  text[text.find(' ')] = 'T';
  auto nanos = (time - whole).count();
  if (nanos != 0) {
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%09lld", static_cast<long long>(nanos));
    text += fraction;
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

std::string format_go_duration(nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  bool negative = duration.count() < 0;
  // Through unsigned, since the smallest value has no positive twin.
  uint64_t ns =
      negative ? 0 - static_cast<uint64_t>(duration.count()) : static_cast<uint64_t>(duration.count());
  auto decimal = [](uint64_t value, uint64_t unit) {
    std::string text = std::to_string(value / unit);
    if (value % unit == 0) return text;
    std::string fraction = std::to_string(unit + value % unit).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return text + "." + fraction;
  };
  std::string text;
  if (ns < 1'000) {
    text = std::to_string(ns) + "ns";
  } else if (ns < 1'000'000) {
    text = decimal(ns, 1'000) + "\xC2\xB5s";
  } else if (ns < 1'000'000'000) {
    text = decimal(ns, 1'000'000) + "ms";
  } else {
    uint64_t minutes = ns / 60'000'000'000;
    if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
    if (minutes > 0) text += std::to_string(minutes % 60) + "m";
    text += decimal(ns % 60'000'000'000, 1'000'000'000) + "s";
  }
  return negative ? "-" + text : text;
}

}  // namespace sjcp::cli
