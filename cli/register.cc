#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/services.h"
#include "net/edge/auth_service.h"

namespace sjcp::cli {
namespace {

void print(const AccessRegisterOptions& options, const edge::RegisteredAccess& access, const Printer& out) {
  switch (options.format) {
    case RegisterFormat::kText:
      out.line("Access Key ID: " + access.access_key_id);
      out.line("Secret Key   : " + access.secret_key);
      out.line("Endpoint     : " + access.endpoint);
      if (!access.restricted_until.empty()) out.line("Works until  : " + access.restricted_until);
      break;
    case RegisterFormat::kEnv:
      out.line("AWS_ACCESS_KEY_ID=" + access.access_key_id);
      out.line("AWS_SECRET_ACCESS_KEY=" + access.secret_key);
      out.line("AWS_ENDPOINT=" + access.endpoint);
      out.line("AWS_ENDPOINT_URL=" + access.endpoint);
      break;
    case RegisterFormat::kAws: {
      const std::string profile = options.aws_profile.empty() ? "" : " --profile " + options.aws_profile;
      const std::string set = "aws configure" + profile + " set ";
      out.line(set + "aws_access_key_id " + access.access_key_id);
      out.line(set + "aws_secret_access_key " + access.secret_key);
      out.line(set + "endpoint_url " + access.endpoint);
      break;
    }
    case RegisterFormat::kJson:
      out.exact(to_line(Json{{"access_key_id", access.access_key_id},
                             {"secret_key", access.secret_key},
                             {"endpoint", access.endpoint}}));
      break;
  }
}

}  // namespace

int run_command(const AccessRegisterOptions& options, const Session& session) {
  auto grant = session.open_access(options.service.access);
  if (!grant) return session.fail(grant.error());
  Services services(session, options.service);
  auto client = services.client();
  if (!client) return session.fail(client.error());
  auto access = edge::register_access(**client, options.auth_service, grant->serialize(),
                                      options.public_access, services.context());
  if (!access) return session.fail(access.error());
  print(options, *access, session.out());
  return kExitOk;
}

}  // namespace sjcp::cli
