// Single words of the command line: places, ranges, sizes, rates, moments, digests.
#include "cli/human_time.h"
#include "cli/location.h"
#include "cli/options.h"
#include "core/base/units.h"
#include "core/transfer/digest.h"
#include "core/transfer/range.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

namespace {

void check_range(std::string_view word) {
  const auto range = transfer::RangeRequest::parse(word);
  if (!range) return;
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX >> 1}) {
    if (const auto bytes = range->resolve(size)) require(bytes->begin <= bytes->end && bytes->end <= size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view word = ByteView(data, size).text();
  check_range(word);
  if (const auto place = cli::Location::parse(word)) {
    require(place->is_in_store() != place->bucket.empty());
    (void)place->base(), (void)place->parent(), (void)place->directoryish(), (void)cli::check_bucket(*place);
    (void)place->as_directoryish().text();
  }
  (void)cli::parse_store(word), (void)cli::parse_remote(word), (void)cli::parse_bucket(word);
  (void)parse_size(word), (void)parse_duration(word), (void)cli::parse_rates(word);
  for (const auto rounding : {cli::Rounding::kDown, cli::Rounding::kUp}) {
    const auto time =
        cli::parse_human_time(word, cli::Time(std::chrono::seconds(1'700'000'000)), rounding, "--x");
    if (time && *time) (void)cli::format_rfc3339(**time), (void)cli::format_time(**time, true);
  }
  if (const auto digest = transfer::Digest::parse(word)) {
    const auto again = transfer::Digest::parse(digest->text());
    require(again && *again == *digest);
  }
  return 0;
}
