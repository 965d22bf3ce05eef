#include "cli/app.h"

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/log.h"
#include "cli/parser.h"
#include "cli/patience.h"

namespace sjcp::cli {
namespace {

int execute(const Invocation& invocation, const Io& io) {
  std::string level = invocation.global.log_level;
  const bool quiet = level == "warn" || level == "error" || level == "off";
  if (invocation.global.verbose == 1 && quiet) level = "info";
  if (invocation.global.verbose > 1 && (quiet || level == "info")) level = "debug";
  LogScope log(level, [&io](const std::string& name, const std::string& message) {
    io.err.message(name + ": " + message);
  });
  const auto retry = retry_policy(invocation.global, io);
  if (!retry) {
    io.err.message(retry.error().what);
    return exit_code(retry.error().code);
  }
  Session session(io, invocation.global, *retry, log);
  const int code = std::visit([&session](const auto& options) { return run_command(options, session); },
                              invocation.command);
  return session.exit(code);
}

}  // namespace

int run(std::span<const std::string> args, const Io& io) {
  auto parsed = parse_arguments(args);
  if (!parsed) {
    io.err.message(parsed.error().what);
    return exit_code(parsed.error().code);
  }
  int code = kExitOk;
  if (const auto* help = std::get_if<HelpText>(&*parsed)) {
    io.out.exact(help->text);
  } else {
    code = execute(*std::get_if<Invocation>(&*parsed), io);
  }
  io.out.flush();
  if (code == kExitOk && !io.out.good()) {
    if (is_reader_gone(io.out_fd)) return kExitReaderGone;
    io.err.message("standard output: cannot be written");
    code = kExitLocalIo;
  }
  return code;
}

}  // namespace sjcp::cli
