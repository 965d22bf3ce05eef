#include "core/base/bytes.h"

#include "core/base/result.h"
#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("hex round trip keeps every byte value") {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(from_hex(to_hex(all)) == all);
  CHECK(from_hex("AbCd") == std::string("\xab\xcd"));
  CHECK_FALSE(from_hex("abc"));
  CHECK_FALSE(from_hex("zz"));
}

TEST_CASE("a failed Result carries its error and an ok one its value") {
  Result<int> ok = 7;
  REQUIRE(ok);
  CHECK(*ok == 7);
  Result<int> bad = make_error(Errc::kNotFound, "thing");
  REQUIRE_FALSE(bad);
  CHECK(with_context(bad.error(), "sj://b/k").what == "sj://b/k: thing");
  Status status;
  CHECK(status);
}
