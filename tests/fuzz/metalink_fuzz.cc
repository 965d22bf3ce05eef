// Metalink documents of both versions: every name stays below the folder and is there once.
#include "cli/formats/metalink.h"

#include <set>

#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  (void)cli::is_metalink(text);
  const auto list = cli::parse_metalink(text, "list");
  if (!list) return 0;
  std::set<std::string> names;
  for (const auto& file : list->files) {
    require(!file.urls.empty());
    require(cli::check_wanted_name(file.name, "list").has_value());
    require(names.insert(file.name).second);
  }
  return 0;
}
