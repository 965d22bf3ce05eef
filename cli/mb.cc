#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/location.h"
#include "cli/services.h"

namespace sjcp::cli {

int run_command(const MbOptions& options, const Session& session) {
  auto at = parse_bucket(options.location);
  if (!at) return session.fail(at.error());
  Services services(session, options.service);
  auto store = services.store(*at);
  if (!store) return session.fail(store.error());
  if (auto valid = (*store)->check_bucket(at->bucket); !valid) return session.fail(valid.error());
  auto created = (*store)->create_bucket(at->bucket, session.io().stop);
  return created ? kExitOk : session.fail(created.error());
}

}  // namespace sjcp::cli
