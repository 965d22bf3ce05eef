#include "core/transfer/range.h"
#include "tests/support/catch.h"

using sjcp::Errc;
using sjcp::transfer::ByteRange;
using sjcp::transfer::RangeRequest;

TEST_CASE("A range without text asks for everything") {
  CHECK(RangeRequest{}.everything());
  auto resolved = RangeRequest{}.resolve(10);
  REQUIRE(resolved);
  CHECK(*resolved == ByteRange{0, 10});
}

TEST_CASE("Ranges are parsed with an inclusive last byte, with and without the unit") {
  struct Case {
    const char* text;
    uint64_t size;
    ByteRange expected;
  };
  const Case cases[] = {
      {"bytes=0-0", 10, {0, 1}},
      {"0-9", 10, {0, 10}},
      {"bytes=2-5", 10, {2, 6}},
      {"bytes=7-", 10, {7, 10}},
      {"7-", 10, {7, 10}},
      {"bytes=-3", 10, {7, 10}},
      {"bytes=-30", 10, {0, 10}},
      {"bytes=5-500", 10, {5, 10}},
      {"bytes=0-", 0, {0, 0}},
      {"bytes=-5", 0, {0, 0}},
      {"bytes=9-9", 10, {9, 10}},
      // As uplink takes them: blanks, nothing at all, a last byte that no object has.
      {"", 10, {0, 10}},
      {" bytes= ", 10, {0, 10}},
      {"  bytes=2-5 ", 10, {2, 6}},
      {"bytes= 2 - 5", 10, {2, 6}},
      {" 7 - ", 10, {7, 10}},
      {"+2-+5", 10, {2, 6}},
      {"0-9223372036854775807", 10, {0, 10}},
      {"1-9223372036854775807", 10, {1, 10}},
      {"1-99999999999999999999", 10, {1, 10}},
      {"-99999999999999999999", 10, {0, 10}},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    auto request = RangeRequest::parse(c.text);
    REQUIRE(request);
    auto resolved = request->resolve(c.size);
    REQUIRE(resolved);
    CHECK(*resolved == c.expected);
  }
}

TEST_CASE("A malformed range is refused as a usage error that quotes it") {
  for (const char* text : {"-",
                           " - ",
                           "bytes=-",
                           "5",
                           "bytes=5",
                           "a-b",
                           "1-b",
                           "bytes=5-4",
                           "bytes=-0",
                           "++1-2",
                           "+-2",
                           "1-+",
                           "--5",
                           "5--0",
                           "1--2",
                           "1 2-3",
                           "0x1-2",
                           "bytes=0-1,3-4",
                           "items=0-1",
                           "9223372036854775807-",
                           "99999999999999999999-"}) {
    INFO(text);
    auto request = RangeRequest::parse(text);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Errc::kUsage);
    CHECK(request.error().what.find(text) != std::string::npos);
  }
}

TEST_CASE("A range that begins at or beyond the end of the object is refused") {
  for (uint64_t begin : {10u, 11u, 1000u}) {
    RangeRequest request;
    request.begin = begin;
    auto resolved = request.resolve(10);
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().code == Errc::kUsage);
  }
  RangeRequest request;
  request.begin = 1;
  CHECK_FALSE(request.resolve(0));
}

TEST_CASE("A range that holds no bytes of a non-empty object is refused") {
  RangeRequest request;
  request.begin = 5;
  request.end = 5;
  CHECK_FALSE(request.resolve(10));
  request.end = 3;
  CHECK_FALSE(request.resolve(10));
  RangeRequest suffix;
  suffix.suffix = true;
  suffix.end = 0;
  CHECK_FALSE(suffix.resolve(10));
}
