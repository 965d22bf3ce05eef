#include "cli/table.h"
#include "tests/support/catch.h"

#include <sstream>

using sjcp::cli::Table;

TEST_CASE("Table pads every column but the last by four blanks") {
  std::ostringstream out;
  Table table(out, {"KIND", "SIZE", "KEY"});
  table.add({"PRE", "", "a/"});
  table.add({"OBJ", "123456", "longer key"});
  table.flush();
  CHECK(out.str() ==
        "KIND    SIZE      KEY\n"
        "PRE               a/\n"
        "OBJ     123456    longer key\n");
}

TEST_CASE("Table without lines prints nothing, not even its header") {
  std::ostringstream out;
  Table table(out, {"A", "B"});
  table.flush();
  CHECK(out.str().empty());
}

TEST_CASE("Table measures characters, not bytes") {
  std::ostringstream out;
  Table table(out, {"A", "B"});
  table.add({"\xC3\xA4\xC3\xB6", "x"});
  table.add({"ab", "y"});
  table.flush();
  CHECK(out.str() == "A     B\n\xC3\xA4\xC3\xB6    x\nab    y\n");
}

TEST_CASE("Table prints long listings in blocks") {
  std::ostringstream out;
  Table table(out, {"A", "B"});
  for (int i = 0; i < 1000; ++i) table.add({"a", "b"});
  CHECK(!out.str().empty());
  std::string block = out.str();
  table.add({"wide cell", "b"});
  table.flush();
  CHECK(out.str() == block + "wide cell    b\n");
}
