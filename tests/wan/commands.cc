#include "tests/wan/commands.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sjcp::wan {
namespace {

constexpr int kTimeToEndMs = 3000;

Error failed(const std::string& what) {
  return errno_error(what, errno);
}

// The guardian's whole life: it takes groups from the pipe until its other end is gone.
[[noreturn]] void guard(int pipe) {
  // Not to be met by what is sent to the group or the terminal of its parent.
  ::setsid();
  std::vector<pid_t> groups;
  for (;;) {
    pid_t group = 0;
    const ssize_t n = ::read(pipe, &group, sizeof group);
    if (n < 0 && errno == EINTR) continue;
    if (n != sizeof group) break;
    if (group == 0) {
      groups.clear();
    } else {
      groups.push_back(group);
    }
  }
  for (const pid_t group : groups) ::kill(-group, SIGKILL);
  ::_exit(0);
}

[[noreturn]] void run_in_child(const CommandLine& command, int output) {
  ::setpgid(0, 0);
  if (command.foreground && ::isatty(STDIN_FILENO) != 0) {
    ::signal(SIGTTOU, SIG_IGN);
    ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
    ::signal(SIGTTOU, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setns(command.space, CLONE_NEWNET) != 0) ::_exit(126);
  if (output >= 0) {
    ::dup2(output, STDOUT_FILENO);
    const int empty = ::open("/dev/null", O_RDONLY);
    ::dup2(empty, STDIN_FILENO);
  }
  for (const auto& [name, value] : command.env) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words;
  words.reserve(command.words.size() + 1);
  for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  std::fprintf(stderr, "sjwan: %s: %s\n", words[0], std::strerror(errno));
  ::_exit(127);
}

}  // namespace

Result<Guardian> Guardian::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
  local::Descriptor read_end(ends[0]);
  local::Descriptor write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork");
  if (pid == 0) {
    write_end.reset();
    guard(read_end.get());
  }
  return Guardian(std::move(write_end), pid);
}

Guardian::~Guardian() {
  if (!pipe_.valid()) return;
  add(0);  // all is well
  pipe_.reset();
  ::waitpid(pid_, nullptr, 0);
}

void Guardian::add(pid_t group) const {
  // Fewer bytes than a pipe holds; the guardian reads at once.
  if (::write(pipe_.get(), &group, sizeof group) < 0) std::perror("sjwan: guardian");
}

Result<Group> Group::start(const CommandLine& command, const Guardian& guardian) {
  Group out;
  local::Descriptor child_end;
  if (command.captured) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
    out.output_ = local::Descriptor(ends[0]);
    child_end = local::Descriptor(ends[1]);
  }
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork");
  if (pid == 0) run_in_child(command, child_end.get());
  // On both sides of the fork, so that neither runs ahead without it.
  ::setpgid(pid, pid);
  guardian.add(pid);
  out.pid_ = pid;
  out.pid_fd_ = local::Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!out.pid_fd_.valid()) return failed("pidfd_open");
  return out;
}

Group::Group(Group&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      code_(other.code_),
      pid_fd_(std::move(other.pid_fd_)),
      output_(std::move(other.output_)) {}

Group::~Group() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  reap();
}

void Group::signal(int number) const {
  if (pid_ > 0) ::kill(-pid_, number);
}

int Group::reap() {
  if (code_) return *code_;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return *code_;
}

void Group::end() {
  if (pid_ < 0) return;
  signal(SIGTERM);
  pollfd wait{pid_fd_.get(), POLLIN, 0};
  ::poll(&wait, 1, kTimeToEndMs);
  signal(SIGKILL);
  reap();
}

}  // namespace sjcp::wan
