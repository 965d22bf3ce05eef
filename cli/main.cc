// The process around run(): signals, limits of the machine, real streams.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/app.h"
#include "cli/exit_codes.h"

namespace {

// The first SIGINT or SIGTERM asks everything to stop and clean up; the second does not wait for that.
// All threads block both, so that only this one sees them.
void watch_signals(const std::stop_source& stop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, stop]() mutable {
    int signal = 0;
    if (sigwait(&signals, &signal) == 0) stop.request_stop();
    if (sigwait(&signals, &signal) == 0) _exit(sjcp::cli::kExitInterrupted);
  }).detach();
}

// Buffers of segments come and go by the hundred, among small objects that stay.  From the heap they would
// leave holes that others do not fill: glibc moves its limit up with the first large buffer that is freed,
// and a download of 4 GiB at -p 16 took 227 MiB instead of 161.
void keep_heap_small() {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 96 << 10);
#endif
}

unsigned terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  keep_heap_small();
  signal(SIGPIPE, SIG_IGN);
  // A write beyond the limit of a file's size is an error like a full disk (EFBIG), with a message and
  // clean-up.
  signal(SIGXFSZ, SIG_IGN);
  std::stop_source stop;
  watch_signals(stop);
  std::ios::sync_with_stdio(false);

  sjcp::cli::Io io;
  io.out = &std::cout;
  io.err = &std::cerr;
  io.in_fd = STDIN_FILENO;
  io.out_fd = STDOUT_FILENO;
  io.err_is_terminal = isatty(STDERR_FILENO) != 0;
  io.err_columns = terminal_columns;
  io.env = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  io.open_project = sjcp::storj::Project::open;
  io.machine = sjcp::cli::examine_machine();
  io.stop = stop.get_token();
  std::vector<std::string> args(argv + 1, argv + argc);
  return sjcp::cli::run(args, io);
}
