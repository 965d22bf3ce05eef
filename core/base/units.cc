#include "core/base/units.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace sjcp {
namespace {

// A decimal number at the front of text; advances text past it.
std::optional<double> take_number(std::string_view& text) {
  size_t n = 0;
  bool digit = false;
  bool dot = false;
  for (; n < text.size(); ++n) {
    if (std::isdigit(static_cast<unsigned char>(text[n])) != 0) {
      digit = true;
    } else if (text[n] == '.' && !dot) {
      dot = true;
    } else {
      break;
    }
  }
  if (!digit) return std::nullopt;
  double value = std::strtod(std::string(text.substr(0, n)).c_str(), nullptr);
  text.remove_prefix(n);
  return value;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  auto number = take_number(text);
  if (!number) return std::nullopt;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::string unit;
  for (char c : text) unit.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  double factor = 1;
  if (!unit.empty() && unit != "B") {
    static constexpr std::string_view kPrefixes = "KMGTPE";
    size_t power = kPrefixes.find(unit[0]);
    if (power == std::string_view::npos) return std::nullopt;
    std::string rest = unit.substr(1);
    bool decimal = rest == "B";
    if (!decimal && !rest.empty() && rest != "IB" && rest != "I") return std::nullopt;
    factor = std::pow(decimal ? 1000.0 : 1024.0, static_cast<double>(power + 1));
  }
  double bytes = *number * factor;
  if (!(bytes < 9223372036854775807.0)) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

std::string format_size(uint64_t bytes) {
  static constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char buffer[32];
  int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  std::snprintf(buffer, sizeof buffer, "%.*f %s", digits, value, kUnits[unit]);
  return buffer;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    auto number = take_number(text);
    if (!number) return std::nullopt;
    size_t n = 0;
    while (n < text.size() && text[n] != '.' && std::isdigit(static_cast<unsigned char>(text[n])) == 0) ++n;
    std::string_view unit = text.substr(0, n);
    double factor = unit == "h"                                                  ? 3600e9
                    : unit == "m"                                                ? 60e9
                    : unit == "s"                                                ? 1e9
                    : unit == "ms"                                               ? 1e6
                    : unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs" ? 1e3
                    : unit == "ns"                                               ? 1
                                                                                 : 0;
    if (factor == 0) return std::nullopt;
    total += *number * factor;
    text.remove_prefix(n);
  }
  if (total > 9.2e18) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<int64_t>(negative ? -total : total));
}

}  // namespace sjcp
