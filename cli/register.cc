#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/services.h"
#include "net/edge/auth_service.h"

namespace sjcp::cli {
namespace {

void print(const AccessRegisterOptions& options, const edge::RegisteredAccess& access, std::ostream& out) {
  switch (options.format) {
    case RegisterFormat::kText:
      out << "Access Key ID: " << access.access_key_id << "\nSecret Key   : " << access.secret_key
          << "\nEndpoint     : " << access.endpoint << '\n';
      if (!access.restricted_until.empty()) out << "Works until  : " << access.restricted_until << '\n';
      break;
    case RegisterFormat::kEnv:
      out << "AWS_ACCESS_KEY_ID=" << access.access_key_id << "\nAWS_SECRET_ACCESS_KEY=" << access.secret_key
          << "\nAWS_ENDPOINT=" << access.endpoint << "\nAWS_ENDPOINT_URL=" << access.endpoint << '\n';
      break;
    case RegisterFormat::kAws: {
      const std::string profile = options.aws_profile.empty() ? "" : " --profile " + options.aws_profile;
      out << "aws configure" << profile << " set aws_access_key_id " << access.access_key_id
          << "\naws configure" << profile << " set aws_secret_access_key " << access.secret_key
          << "\naws configure" << profile << " set endpoint_url " << access.endpoint << '\n';
      break;
    }
    case RegisterFormat::kJson:
      out << to_line(Json{{"access_key_id", access.access_key_id},
                          {"secret_key", access.secret_key},
                          {"endpoint", access.endpoint}})
          << '\n';
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
