#include "tests/network/types.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sjcp::network {
namespace {

constexpr int64_t kYearOne = -62135596800;
constexpr int64_t kGcmOverhead = 16;
constexpr int64_t kPaddingCount = 4;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// How often n can be divided by base without rest.
int factors_of(int64_t n, int64_t base) {
  int count = 0;
  for (; n > 0 && n % base == 0; n /= base) ++count;
  return count;
}

}  // namespace

bool parse_redundancy(const std::string& text, Redundancy& out) {
  Redundancy r;
  char end = 0;
  const int fields =
      std::sscanf(text.c_str(), "%d/%d/%d/%d%c", &r.required, &r.repair, &r.optimal, &r.total, &end);
  if (fields != 4) return false;
  if (r.required < 1 || r.repair < r.required || r.optimal < r.repair || r.total < r.optimal ||
      r.total > 255) {
    return false;
  }
  out = r;
  return true;
}

int64_t piece_size(const Redundancy& redundancy, int64_t encrypted) {
  return ceil_div(encrypted + kPaddingCount, redundancy.stripe_size()) * redundancy.share_size;
}

int64_t encrypted_size(int64_t plain, int64_t block_size) {
  return ceil_div(plain + kPaddingCount, block_size - kGcmOverhead) * block_size;
}

int32_t download_nodes(const Redundancy& r) {
  const int32_t extra = std::max(1, (r.total - r.optimal) * r.required / r.optimal);
  return std::min(r.required + extra, r.total);
}

pb::Timestamp to_timestamp(Clock::Wall time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t seconds = since / kSecond;
  int64_t nanos = since % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  pb::Timestamp out;
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(nanos));
  return out;
}

pb::Timestamp unset_timestamp() {
  pb::Timestamp out;
  out.set_seconds(kYearOne);
  return out;
}

bool is_set(const pb::Timestamp& time) {
  return time.seconds() != kYearOne || time.nanos() != 0;
}

Clock::Wall to_wall(const pb::Timestamp& time) {
  // Nanoseconds since 1970 leave 64 bits in the year 2262; later dates mean "never" to every check made here.
  constexpr int64_t kLatest = 9'000'000'000;
  const int64_t seconds = std::clamp<int64_t>(time.seconds(), -kLatest, kLatest);
  return Clock::Wall(std::chrono::duration_cast<Clock::Wall::duration>(
      std::chrono::seconds(seconds) + std::chrono::nanoseconds(time.nanos())));
}

std::string size_text(int64_t bytes) {
  static constexpr std::array<const char*, 4> kBinary{"B", "KiB", "MiB", "GiB"};
  static constexpr std::array<const char*, 4> kDecimal{"B", "KB", "MB", "GB"};
  const bool decimal = factors_of(bytes, 1000) > factors_of(bytes, 1024);
  const double step = decimal ? 1000 : 1024;
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= step && unit + 1 < kBinary.size()) {
    value /= step;
    ++unit;
  }
  char text[32];
  if (decimal) {
    std::snprintf(text, sizeof text, "%.2f %s", value, kDecimal[unit]);
  } else {
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kBinary[unit]);
  }
  return text;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  std::string text;
  if (whole >= 3600) text.append(std::to_string(whole / 3600)).append("h");
  if (whole >= 60) text.append(std::to_string(whole / 60 % 60)).append("m");
  return text.append(std::to_string(whole % 60)).append("s");
}

}  // namespace sjcp::network
