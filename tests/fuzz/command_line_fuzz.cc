// Whole command lines, one argument a line: an answer or an error of one line that is not empty.
#include "cli/parser.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = ByteView(data, size).text();
  std::vector<std::string> arguments;
  while (!text.empty() && arguments.size() < 32) {
    // No argument holds a NUL.
    const std::string_view line = fuzz::take_line(text);
    arguments.emplace_back(line.substr(0, line.find('\0')));
  }
  const auto parsed = cli::parse_arguments(arguments);
  if (!parsed) require(!parsed.error().what.empty() && parsed.error().what.find('\n') == std::string::npos);
  return 0;
}
