#include "cli/human_time.h"
#include "tests/support/catch.h"

#include <stdlib.h>
#include <time.h>

using namespace sjcp;
using namespace std::chrono_literals;
using cli::Rounding;
using cli::Time;

namespace {

const Time kNow{std::chrono::seconds(1'714'564'800)};  // 2024-05-01T12:00:00Z

// Local time for the length of a test.
class Zone {
 public:
  explicit Zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

std::string parsed(const std::string& text, Rounding rounding = Rounding::kDown) {
  auto time = cli::parse_human_time(text, kNow, rounding, "--opt");
  if (!time) return "error";
  return *time ? cli::format_rfc3339(**time) : "none";
}

}  // namespace

TEST_CASE("Times are read in uplink's spellings") {
  Zone utc("UTC");
  CHECK(parsed("") == "none");
  CHECK(parsed("none") == "none");
  CHECK(parsed("now") == "2024-05-01T12:00:00Z");
  CHECK(parsed("+2h") == "2024-05-01T14:00:00Z");
  CHECK(parsed("-90m") == "2024-05-01T10:30:00Z");
  CHECK(parsed("2h") == "2024-05-01T14:00:00Z");
  CHECK(parsed("+3d") == "2024-05-04T12:00:00Z");
  CHECK(parsed("-1d") == "2024-04-30T12:00:00Z");
  CHECK(parsed("2022-01-01T15:01:01-01:00") == "2022-01-01T16:01:01Z");
  CHECK(parsed("2022-01-01T15:01:01.25Z") == "2022-01-01T15:01:01.25Z");
  CHECK(parsed("2022-01-01T15:01:01") == "2022-01-01T15:01:01Z");
  CHECK(parsed("2022-01-01T15:01") == "2022-01-01T15:01:00Z");
  CHECK(parsed("2022-01-01") == "2022-01-01T00:00:00Z");
}

TEST_CASE("Times rounded up end with their last nanosecond unless they carry a zone") {
  Zone utc("UTC");
  CHECK(parsed("2022-01-31", Rounding::kUp) == "2022-01-31T23:59:59.999999999Z");
  CHECK(parsed("2022-01-01T15:01", Rounding::kUp) == "2022-01-01T15:01:59.999999999Z");
  CHECK(parsed("2022-01-01T15:01:07", Rounding::kUp) == "2022-01-01T15:01:07.999999999Z");
  CHECK(parsed("2022-01-01T15:01:07Z", Rounding::kUp) == "2022-01-01T15:01:07Z");
}

TEST_CASE("Times without a zone are local") {
  Zone zone("CET-1");
  CHECK(parsed("2022-01-01T15:01:01") == "2022-01-01T14:01:01Z");
  CHECK(cli::format_time(kNow, false) == "2024-05-01 13:00:00");
  CHECK(cli::format_time(kNow, true) == "2024-05-01 12:00:00");
}

TEST_CASE("What is no time is refused") {
  for (const char* text :
       {"tomorrow", "+", "+2", "+3x", "d", "+d", "2022", "2022-13-01", "2022-02-30", "2022-01-01T25:00",
        "2022-01-01T10:00:00+1:00", "2022-01-01 10:00:00", "2022-01-01T10:00:00ZZ", "+99999999d",
        // What Time cannot count would come out in another century.
        "9999-12-31", "9999-12-31T23:59:59Z", "0994-01-01T00:00:00Z", "2300-01-01", "+2562047h"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "error");
  }
}

TEST_CASE("Durations print in Go's form") {
  CHECK(cli::format_go_duration(0s) == "0s");
  CHECK(cli::format_go_duration(720h) == "720h0m0s");
  CHECK(cli::format_go_duration(90min) == "1h30m0s");
  CHECK(cli::format_go_duration(90s) == "1m30s");
  CHECK(cli::format_go_duration(1500ms) == "1.5s");
  CHECK(cli::format_go_duration(100ms) == "100ms");
  CHECK(cli::format_go_duration(1500us) == "1.5ms");
  CHECK(cli::format_go_duration(12ns) == "12ns");
  CHECK(cli::format_go_duration(-90s) == "-1m30s");
}
