#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/location.h"
#include "cli/services.h"

namespace sjcp::cli {

int run_command(const RbOptions& options, const Session& session) {
  auto at = parse_bucket(options.location);
  if (!at) return session.fail(at.error());
  Services services(session, options.service);
  auto store = services.store(*at);
  if (!store) return session.fail(store.error());
  if (auto valid = (*store)->check_bucket(at->bucket); !valid) return session.fail(valid.error());
  auto removed = (*store)->delete_bucket(at->bucket, options.force, session.io().stop);
  if (!removed) return session.fail(removed.error());
  session.out().line("Bucket \"" + at->bucket + "\" has been deleted.");
  return kExitOk;
}

}  // namespace sjcp::cli
