#include "tests/support/paths.h"

namespace sjcp::test {

std::string source_dir() {
  return SJCP_SOURCE_DIR;
}

std::string data_dir() {
  return source_dir() + "/tests/data";
}

}  // namespace sjcp::test
