// sjwan: runs a command at one end of an emulated wide area.  See README.md.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/wan/session.h"

namespace sjcp::wan {
namespace {

// As automake and ctest have it: a test that cannot run here.
constexpr int kCannotRun = 77;

struct Arguments {
  SessionOptions session;
  double ping_ms = 0;
  bool host_tcp = false;
  uint64_t memory_mib = 1024;
  std::vector<std::string> ask;
};

int fail(const Error& error) {
  if (error.code == Errc::kUnsupported) {
    std::fprintf(stderr, "sjwan: cannot run here (root and /dev/net/tun are needed): %s\n",
                 error.what.c_str());
    return kCannotRun;
  }
  std::fprintf(stderr, "sjwan: %s\n", error.what.c_str());
  return error.code == Errc::kUsage ? 2 : 1;
}

void add_options(CLI::App& app, Arguments& arguments) {
  SessionOptions& session = arguments.session;
  app.add_option("--profile", session.profile, "Name of a profile, or a file");
  app.add_option("--far", session.far,
                 "Shell command for the far side, ready when it prints a line; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--stats", session.stats_file, "Write what was counted to this file, as JSON");
  app.add_option("--control", session.control, "Path of a socket that takes changes");
  app.add_option("--ping", arguments.ping_ms, "Ping every so many milliseconds while the near command runs");
  app.add_flag("--host-tcp", arguments.host_tcp,
               "TCP as the machine has it, not as an untuned kernel has it");
  app.add_option("--congestion", session.emulator.tcp.congestion_control, "Congestion control")
      ->capture_default_str();
  app.add_option("--memory", arguments.memory_mib, "MiB that packets on their way may take")
      ->capture_default_str();
  app.add_option("--ask", arguments.ask, "SOCKET LINE: send a line to a running emulator")->expected(2);
  app.add_option("command", session.near_command, "Command for the near side");
  app.positionals_at_end();
}

int main_with(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Runs a command at one end of an emulated wide area."};
  add_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (!arguments.ask.empty()) {
    const auto answer = ask_control(arguments.ask[0], arguments.ask[1]);
    if (!answer) return fail(answer.error());
    std::printf("%s\n", answer->c_str());
    return 0;
  }
  SessionOptions& session = arguments.session;
  if (session.profile.empty() || session.near_command.empty()) {
    return fail(
        make_error(Errc::kUsage, "usage: sjwan --profile NAME [--far COMMAND]... -- COMMAND [ARGUMENT]..."));
  }
  session.emulator.ping_every = Time(static_cast<int64_t>(arguments.ping_ms * 1e6));
  session.emulator.memory_bytes = arguments.memory_mib << 20;
  if (arguments.host_tcp) session.emulator.tcp = {"", "", ""};
  const auto code = Session::run(session);
  return code ? *code : fail(code.error());
}

}  // namespace
}  // namespace sjcp::wan

int main(int argc, char** argv) {
  return sjcp::wan::main_with(argc, argv);
}
