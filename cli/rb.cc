#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/location.h"

namespace sjcp::cli {

int run_command(const RbOptions& options, const Session& session) {
  auto bucket = parse_bucket(options.location);
  if (!bucket) return session.fail(bucket.error());
  auto project = session.open_project(options.access);
  if (!project) return session.fail(project.error());
  auto removed = (*project)->delete_bucket(*bucket, options.force, session.io().stop);
  if (!removed) return session.fail(removed.error());
  session.out() << "Bucket \"" << *bucket << "\" has been deleted.\n";
  return kExitOk;
}

}  // namespace sjcp::cli
