// Lists of downloads as aria2c reads them: every name stays below the folder, every file has somewhere to
// come from.
#include "cli/formats/input_file.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto list = cli::parse_input_file(ByteView(data, size).text(), "list");
  if (!list) {
    require(!list.error().what.empty());
    return 0;
  }
  for (const auto& file : list->files) {
    require(!file.urls.empty());
    require(file.name.empty() || cli::check_wanted_name(file.name, "list").has_value());
  }
  return 0;
}
