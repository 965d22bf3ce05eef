#include "cli/patience.h"

#include "cli/redact.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

// A week is more than anybody waits, and far from what a clock overflows at.
constexpr std::chrono::hours kLongest{168};

}  // namespace

Result<flow::RetryPolicy> retry_policy(const GlobalOptions& global, const Io& io) {
  flow::RetryPolicy policy;
  std::string text = global.retry_time;
  std::string origin = "--retry-time";
  if (text.empty()) {
    origin = "SJCP_RETRY_TIME";
    text = (io.env ? io.env(origin) : std::nullopt).value_or("");
  }
  if (text.empty()) return policy;
  const bool number = text.find_first_not_of("0123456789") == std::string::npos;
  const auto period = parse_duration(number ? text + "s" : text);
  if (!period || *period < std::chrono::nanoseconds(0) || *period > kLongest) {
    return make_error(Errc::kUsage,
                      origin + ": " + shown(text) + " is no period; write 90s, 5m, or 0 for a single try");
  }
  policy.patience = std::chrono::ceil<std::chrono::milliseconds>(*period);
  return policy;
}

}  // namespace sjcp::cli
