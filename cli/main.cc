// The process around run(): signals, limits of the machine, real streams.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/app.h"
#include "cli/exit_codes.h"

namespace {

// A standard descriptor that the caller closed would be that of the next file or connection that is opened,
// and results would go there.  In its place stands one that refuses what it is for: who does not need it
// never knows, who does gets an error.
void hold_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one.
    static_cast<void>(open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

// One line, without asking for memory, and the end.  What is on its way stays as after a kill: the locks are
// gone, and the next run takes it up or removes it.
[[noreturn]] void end_with(const char* line) {
  static std::atomic<bool> told{false};
  if (!told.exchange(true)) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, std::strlen(line));
  }
  _exit(sjcp::cli::exit_code(sjcp::Errc::kInternal));
}

void end_without_memory() {
  end_with("sjcp: there is no more memory to be had; allow less with --memory, -p or -t\n");
}

// Exceptions are the system's refusals of memory and threads only.
void end_on_exception() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    end_without_memory();
  } catch (const std::system_error&) {
    end_with("sjcp: the system allows no more threads; allow less with -p or -t, or raise ulimit -u or -v\n");
  } catch (...) {
  }
  end_with("sjcp: ended by a mistake of its own\n");
}

// The first that asked to stop; 0: none has.
std::atomic<int> stop_signal{0};

// What a shell makes of a program that a signal has ended.
int exit_of_signal(int signal) {
  return 128 + signal;
}

// The first SIGINT, SIGTERM or SIGHUP asks everything to stop and clean up; the second does not wait for
// that.  All threads block them, so that only this one sees them.  What the parent has ignored stays so:
// nohup, and what a shell starts in the background.
void watch_signals(const std::stop_source& stop) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before{};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaddset(&signals, signal);
  }
  if (sigisemptyset(&signals) != 0) return;
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, stop]() mutable {
    int signal = 0;
    if (sigwait(&signals, &signal) == 0) {
      stop_signal = signal;
      stop.request_stop();
    }
    if (sigwait(&signals, &signal) == 0) _exit(exit_of_signal(signal));
  }).detach();
}

// The memory holds grants, S3 keys and content keys.  Without this a crash writes them into a core file, and
// every program of the same user may read them while they are in use.  It is for the process to decide, so it
// stands here: a library that did it would take cores and debuggers away from the program that uses it.
void keep_memory_private() {
#ifdef PR_SET_DUMPABLE
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

// Buffers of segments come and go by the hundred, among small objects that stay.  From the heap they would
// leave holes that others do not fill: glibc moves its limit up with the first large buffer that is freed,
// and a download of 4 GiB at -p 16 took 227 MiB instead of 161.
void keep_heap_small() {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 96 << 10);
#endif
}

// Where address space is limited (ulimit -v), what is only set aside counts: 8 MiB a thread for its stack, 64
// MiB and more for its heap.
void keep_address_space_small() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
#ifdef M_ARENA_MAX
  mallopt(M_ARENA_MAX, 1);
#endif
#ifdef __GLIBC__
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  if (pthread_attr_setstacksize(&attributes, 1 << 20) == 0) pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
#endif
}

unsigned terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_descriptors();
  std::set_new_handler(end_without_memory);
  std::set_terminate(end_on_exception);
  keep_memory_private();
  keep_heap_small();
  keep_address_space_small();
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
  io.interrupted_exit = [] {
    const int signal = stop_signal;
    return signal == 0 ? static_cast<int>(sjcp::cli::kExitInterrupted) : exit_of_signal(signal);
  };
  std::vector<std::string> args(argv + 1, argv + argc);
  return sjcp::cli::run(args, io);
}
