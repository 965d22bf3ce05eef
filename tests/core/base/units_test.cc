#include "core/base/units.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace std::chrono_literals;

TEST_CASE("parse_size reads binary and decimal units") {
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("64MiB") == 64 * kMiB);
  CHECK(parse_size("64M") == 64 * kMiB);
  CHECK(parse_size("1.5k") == 1536);
  CHECK(parse_size("2 GB") == 2000000000);
  CHECK(parse_size("7B") == 7);
}

TEST_CASE("parse_size refuses what is not a size") {
  for (const char* text : {"", "x", "-1", "1X", "1Mi B", "1.2.3", "99999999999G"}) {
    INFO(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("format_size keeps three significant digits") {
  CHECK(format_size(0) == "0 B");
  CHECK(format_size(1023) == "1023 B");
  CHECK(format_size(1536) == "1.50 KiB");
  CHECK(format_size(20 * kMiB) == "20.0 MiB");
  CHECK(format_size(512 * kMiB) == "512 MiB");
}

TEST_CASE("parse_duration reads Go's spelling") {
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("+168h") == 168h);
  CHECK(parse_duration("-1.5h") == -90min);
  CHECK(parse_duration("100ms") == 100ms);
  CHECK(parse_duration("0") == 0ns);
  for (const char* text : {"", "5", "1d", "h", "1h5", "--1h"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}
