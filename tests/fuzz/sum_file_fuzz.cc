// Files of digests: what a line says can be found again, and is a digest.
#include "cli/formats/sum_file.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  const auto sums = cli::parse_sum_file(text, "sums");
  if (!sums) return 0;
  require(!sums->lines.empty());
  // Looking is linear in the lines; what a fuzzer makes has few, and a few of them will do.
  for (size_t i = 0; i < sums->lines.size() && i < 8; ++i) {
    const auto& line = sums->lines[i];
    require(transfer::Digest::parse(line.digest.text()).has_value());
    const auto found = sums->find(line.name);
    require(found || found.error().code != Errc::kNotFound || line.name.empty());
  }
  return 0;
}
