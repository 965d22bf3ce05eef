#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/location.h"
#include "cli/redact.h"
#include "cli/services.h"
#include "core/base/units.h"

namespace sjcp::cli {

int run_command(const PresignOptions& options, const Session& session) {
  auto at = parse_remote(options.location);
  if (!at) return session.fail(at.error());
  if (at->kind != Location::Kind::kS3 || at->path.empty()) {
    return session.fail(make_error(
        Errc::kUsage, at->text() + " is no object in s3://; `sjcp share` makes accesses to sj:// locations"));
  }
  const auto period = parse_duration(options.expires);
  if (!period) {
    return session.fail(make_error(
        Errc::kUsage, "--expires " + shown(options.expires) + " is not a period; write 15m, 1h or 168h"));
  }
  Services services(session, options.service);
  auto url = services.presign(*at, options.method, std::chrono::floor<std::chrono::seconds>(*period));
  if (!url) return session.fail(url.error());
  session.out().line(*url);
  return kExitOk;
}

}  // namespace sjcp::cli
