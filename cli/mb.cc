#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/location.h"

namespace sjcp::cli {

int run_command(const MbOptions& options, const Session& session) {
  auto bucket = parse_bucket(options.location);
  if (!bucket) return session.fail(bucket.error());
  auto project = session.open_project(options.access);
  if (!project) return session.fail(project.error());
  auto created = (*project)->create_bucket(*bucket, session.io().stop);
  return created ? kExitOk : session.fail(created.error());
}

}  // namespace sjcp::cli
