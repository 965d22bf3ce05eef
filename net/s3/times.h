// Moments as S3 writes them; http::parse_date() has the other form.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sjcp::s3 {

using WallTime = std::chrono::system_clock::time_point;

// "2026-01-02T03:04:05.678Z", with or without the fraction, with Z or an offset from UTC.
std::optional<WallTime> parse_iso_time(std::string_view text);
// "2026-01-02T03:04:05Z"
std::string iso_time(WallTime time);

}  // namespace sjcp::s3
