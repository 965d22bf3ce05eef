#include "tests/e2e/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace sjcp::e2e {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

constexpr uid_t kNobody = 65534;

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + ": " + std::generic_category().message(errno));
}

// The reading or writing end that stays here, and the other one for the child.
struct Pipe {
  Pipe() { must(::pipe2(ends, O_CLOEXEC) == 0, "pipe"); }
  int ends[2];
};

void make_non_blocking(int fd) {
  must(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0, "fcntl");
}

void close_once(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

int open_or_throw(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  must(fd >= 0, path.c_str());
  return fd;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

bool write_number(const char* path, uint64_t number) {
  std::ofstream out(path);
  out << number << std::endl;
  return out.good();
}

// Files of both kinds of control groups, in a mount namespace that only this process has.
bool pretend_group(uint64_t memory) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("none", "/sys/fs/cgroup", "tmpfs", 0, nullptr) == 0 &&
         ::mkdir("/sys/fs/cgroup/memory", 0755) == 0 && write_number("/sys/fs/cgroup/memory.max", memory) &&
         write_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", memory);
}

}  // namespace

Child::Child(Command command) : command_(std::move(command)) {
  // A child that ends early must not end this process with its pipe.
  std::signal(SIGPIPE, SIG_IGN);
  start();
}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (int* fd : {&input_, &out_.fd, &err_.fd, &pid_fd_}) close_once(*fd);
}

void Child::start() {
  int child_in = -1;
  int child_out = -1;
  if (!command_.input_file.empty()) {
    child_in = open_or_throw(command_.input_file, O_RDONLY);
  } else if (command_.input.empty() && !command_.keep_input_open) {
    child_in = open_or_throw("/dev/null", O_RDONLY);
  } else {
    const Pipe in;
    child_in = in.ends[0];
    input_ = in.ends[1];
    make_non_blocking(input_);
  }
  if (!command_.output_file.empty()) {
    child_out = open_or_throw(command_.output_file, O_WRONLY | O_CREAT | O_TRUNC);
  } else {
    const Pipe out;
    out_.fd = out.ends[0];
    child_out = out.ends[1];
    make_non_blocking(out_.fd);
  }
  const Pipe err;
  err_.fd = err.ends[0];
  make_non_blocking(err_.fd);

  begin_ = Steady::now();
  deadline_ = begin_ + command_.limit;
  pid_ = ::fork();
  must(pid_ >= 0, "fork");
  if (pid_ == 0) run_in_child(child_in, child_out, err.ends[1]);
  ::close(child_in);
  ::close(child_out);
  ::close(err.ends[1]);
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  must(pid_fd_ >= 0, "pidfd_open");
  feed();
}

void Child::run_in_child(int in, int out, int err) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGPIPE, SIG_DFL);
  std::vector<std::string> words{command_.program};
  words.insert(words.end(), command_.args.begin(), command_.args.end());
  std::vector<std::string> settings;
  for (const auto& [name, value] : command_.env) settings.push_back(name + "=" + value);
  const auto argv = pointers(words);
  const auto env = pointers(settings);
  // Opened first: another user may not be able to reach it.
  const int program = ::open(command_.program.c_str(), O_RDONLY | O_CLOEXEC);
  if (command_.group_memory && !pretend_group(*command_.group_memory)) ::_exit(kNoGroup);
  for (const auto& [resource, most] : command_.limits) {
    const rlimit limit{most, most};
    ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  }
  const bool drop = command_.unprivileged && ::geteuid() == 0;
  if (drop && (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
    ::_exit(126);
  ::fexecve(program, argv.data(), env.data());
  ::_exit(127);
}

void Child::feed() {
  while (input_ >= 0 && fed_ < command_.input.size()) {
    const ssize_t n = ::write(input_, command_.input.data() + fed_, command_.input.size() - fed_);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return close_once(input_);
    fed_ += static_cast<size_t>(n);
  }
  if (!command_.keep_input_open) close_once(input_);
}

void Child::drain(Capture& capture) {
  char buffer[65536];
  while (capture.fd >= 0) {
    const ssize_t n = ::read(capture.fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return close_once(capture.fd);
    capture.text.append(buffer, static_cast<size_t>(n));
  }
}

bool Child::turn(std::chrono::milliseconds wait) {
  const bool feeding = input_ >= 0 && fed_ < command_.input.size();
  pollfd watched[] = {
      {pid_fd_, POLLIN, 0}, {out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}, {feeding ? input_ : -1, POLLOUT, 0}};
  ::poll(watched, std::size(watched), static_cast<int>(wait.count()));
  if (feeding) feed();
  drain(out_);
  drain(err_);
  return (watched[0].revents & POLLIN) != 0;
}

bool Child::wait_until(const std::function<bool()>& condition) {
  while (in_time()) {
    if (condition()) return true;
    if (turn(5ms)) return condition();
  }
  return false;
}

void Child::signal(int number) const {
  ::kill(pid_, number);
}

bool Child::signals_taken() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("ShdPnd:")) continue;
    return line.find_first_not_of("0", line.find_first_of('\t') + 1) == std::string::npos;
  }
  return true;
}

Exit Child::finish() {
  Exit result;
  bool ended = false;
  while (!ended && in_time()) ended = turn(100ms);
  if (!ended) {
    result.overran = true;
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  result.time = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begin_);
  drain(out_);
  drain(err_);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.peak_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  result.out = std::move(out_.text);
  result.err = std::move(err_.text);
  return result;
}

}  // namespace sjcp::e2e
