#include "net/io/poller.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <functional>
#include <optional>
#include <utility>

namespace sjcp::io {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kEventsPerWait = 128;

Error cancelled() {
  return make_error(Errc::kCancelled, "cancelled");
}

// Milliseconds for poll and epoll_wait: rounded up, so that a wait never ends just before its deadline and
// spins.
int timeout_ms(SteadyClock::duration left) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<decltype(ms)>(ms, 0, INT_MAX));
}

// A descriptor that becomes readable when stop is requested, and stays so until another stop counts.
class StopSignal {
 public:
  StopSignal() = default;
  explicit StopSignal(const std::stop_token& stop) { heed(stop); }
  void heed(const std::stop_token& stop) {
    callback_.reset();
    if (std::exchange(raised_, false)) {
      uint64_t count = 0;
      if (fd_ >= 0) (void)!::read(fd_, &count, sizeof count);
    }
    if (!stop.stop_possible()) return;
    if (fd_ < 0) fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error_ = fd_ < 0 ? errno : 0;
    callback_.emplace(stop, [this] {
      raised_ = true;
      const uint64_t one = 1;
      if (fd_ >= 0) (void)!::write(fd_, &one, sizeof one);
    });
  }
  ~StopSignal() {
    callback_.reset();  // waits for a callback that is running, so the descriptor is still open for it
    if (fd_ >= 0) ::close(fd_);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int fd() const { return fd_; }  // -1: stop is impossible
  int error() const { return error_; }

 private:
  int fd_ = -1;
  int error_ = 0;
  bool raised_ = false;  // the callback's until it is reset
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

}  // namespace

struct Poller::State {
  // What is watched of one descriptor; the vector is indexed by descriptor.
  struct Watch {
    uint64_t token = 0;
    uint32_t mask = 0;
    bool registered = false;  // with epoll
  };

  explicit State(std::stop_token token) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    unmade = epoll < 0 ? errno : 0;
    restart(std::move(token));
  }
  ~State() {
    if (epoll >= 0) ::close(epoll);
  }

  void restart(std::stop_token token) {
    for (size_t fd = 0; registered > 0 && fd < watches.size(); ++fd) forget(static_cast<int>(fd));
    error = unmade;
    stop = std::move(token);
    const bool had = signal.fd() >= 0;
    signal.heed(stop);
    if (error == 0) error = signal.error();
    if (error == 0 && !had && signal.fd() >= 0) control(EPOLL_CTL_ADD, signal.fd(), EPOLLIN);
  }
  bool control(int operation, int fd, uint32_t mask) {
    epoll_event event{};
    event.events = mask;
    event.data.fd = fd;
    if (epoll_ctl(epoll, operation, fd, &event) == 0) return true;
    if (error == 0) error = errno;
    return false;
  }
  void unregister(int fd, Watch& watch);
  void forget(int fd);
  void translate(int count);

  std::stop_token stop;
  StopSignal signal;
  int epoll = -1;
  int unmade = 0;         // errno of making it
  int error = 0;          // errno of the first failure since restart(); reported by wait()
  size_t registered = 0;  // watches
  std::vector<Watch> watches;
  std::vector<Event> events;
  std::array<epoll_event, kEventsPerWait> ready;
};

Poller::Poller(std::stop_token stop) : state_(std::make_unique<State>(std::move(stop))) {}
Poller::~Poller() = default;

void Poller::restart(std::stop_token stop) {
  state_->restart(std::move(stop));
}

// A descriptor that is closed has left by itself.
void Poller::State::unregister(int fd, Watch& watch) {
  if (!watch.registered) return;
  epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
  watch.registered = false;
  --registered;
}

void Poller::State::forget(int fd) {
  Watch& watch = watches[static_cast<size_t>(fd)];
  unregister(fd, watch);
  watch = {};
}

void Poller::watch(int fd, uint64_t token, bool read, bool write) {
  if (fd < 0 || state_->epoll < 0) return;
  const auto index = static_cast<size_t>(fd);
  if (index >= state_->watches.size()) state_->watches.resize(index + 1);
  State::Watch& watch = state_->watches[index];
  watch.token = token;
  const uint32_t mask = (read ? EPOLLIN | EPOLLRDHUP : 0U) | (write ? EPOLLOUT : 0U);
  if (mask == 0) {
    // epoll reports errors of whatever is registered; silence means leaving it.
    state_->unregister(fd, watch);
  } else if (!watch.registered) {
    watch.registered = state_->control(EPOLL_CTL_ADD, fd, mask);
    if (watch.registered) ++state_->registered;
  } else if (watch.mask != mask) {
    state_->control(EPOLL_CTL_MOD, fd, mask);
  }
  watch.mask = mask;
}

void Poller::forget(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= state_->watches.size()) return;
  state_->forget(fd);
}

void Poller::State::translate(int count) {
  events.clear();
  for (const epoll_event& event : std::span(ready).first(static_cast<size_t>(count))) {
    if (event.data.fd == signal.fd()) continue;
    const Watch& watch = watches[static_cast<size_t>(event.data.fd)];
    const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool readable = failed || (event.events & (EPOLLIN | EPOLLRDHUP)) != 0;
    const bool writable = (event.events & EPOLLOUT) != 0 || (failed && (watch.mask & EPOLLOUT) != 0);
    events.push_back({watch.token, readable, writable});
  }
}

Result<const std::vector<Poller::Event>*> Poller::wait(std::chrono::milliseconds limit) {
  State& state = *state_;
  const SteadyClock::time_point begin = SteadyClock::now();
  const SteadyClock::duration longest =
      std::min<std::chrono::milliseconds>(limit, std::chrono::hours(24 * 20));
  while (true) {
    if (state.stop.stop_requested()) return cancelled();
    if (state.error != 0) return errno_error("cannot wait for connections", state.error);
    const int count = epoll_wait(state.epoll, state.ready.data(), static_cast<int>(state.ready.size()),
                                 timeout_ms(begin + longest - SteadyClock::now()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("cannot wait for connections", errno);
    if (state.stop.stop_requested()) return cancelled();
    state.translate(count);
    return &state.events;
  }
}

Status wait_ready(int fd, bool read, bool write, SteadyClock::time_point deadline,
                  const std::stop_token& stop) {
  const StopSignal signal(stop);
  if (signal.error() != 0) return errno_error("cannot wait for a connection", signal.error());
  std::array<pollfd, 2> fds{};
  fds[0].fd = fd;
  fds[0].events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  fds[1].fd = signal.fd();  // poll skips a negative one
  fds[1].events = POLLIN;
  while (true) {
    if (stop.stop_requested()) return cancelled();
    const int count = ::poll(fds.data(), fds.size(), timeout_ms(deadline - SteadyClock::now()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("cannot wait for a connection", errno);
    if (stop.stop_requested()) return cancelled();
    if (fds[0].revents != 0) return {};
    if (SteadyClock::now() >= deadline)
      return make_error(Errc::kNetwork, "timed out", ETIMEDOUT, Fault::kSilent);
  }
}

Status wait_ready(int fd, Ready what, SteadyClock::time_point deadline, const std::stop_token& stop) {
  if (what == Ready::kDone) return {};
  return wait_ready(fd, what == Ready::kWantRead, what == Ready::kWantWrite, deadline, stop);
}

}  // namespace sjcp::io
