#include "core/base/text.h"

#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("blanks go from both ends, and none from within") {
  CHECK(trimmed(" \t a b\r\n") == "a b");
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \r\n\t").empty());
  CHECK(trimmed("").empty());
  CHECK(trimmed("\na\n", " \t") == "\na\n");
}

TEST_CASE("letters of ASCII become small, others stay") {
  CHECK(lowered("AbZ-09_\xc3\x84") == "abz-09_\xc3\x84");
}
