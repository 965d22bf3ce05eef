#include "net/io/poller.h"
#include "tests/support/catch.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

using namespace sjcp;
using namespace std::chrono_literals;
using io::Poller;
using io::Ready;

namespace {

// Two connected sockets; both close at the end.
struct SocketPair {
  std::array<int, 2> fd{-1, -1};
  SocketPair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd.data()) == 0); }
  ~SocketPair() {
    close_end(0);
    close_end(1);
  }
  void close_end(size_t end) {
    if (fd[end] >= 0) ::close(fd[end]);
    fd[end] = -1;
  }
  void send() const { REQUIRE(::send(fd[1], "x", 1, 0) == 1); }
};

std::vector<Poller::Event> wait(Poller& poller, std::chrono::milliseconds limit = 0ms) {
  const auto events = poller.wait(limit);
  REQUIRE(events);
  return **events;
}

std::chrono::steady_clock::time_point soon(std::chrono::milliseconds delay) {
  return std::chrono::steady_clock::now() + delay;
}

}  // namespace

TEST_CASE("readiness is reported with the token, as long as it lasts") {
  const SocketPair pair;
  Poller poller;
  poller.watch(pair.fd[0], 77, true, false);
  CHECK(wait(poller).empty());
  pair.send();
  for (int i = 0; i < 2; ++i) {
    const auto events = wait(poller, 10s);
    REQUIRE(events.size() == 1);
    CHECK(events[0].token == 77);
    CHECK(events[0].readable);
    CHECK_FALSE(events[0].writable);
  }
}

TEST_CASE("watching again changes what is watched, and its token") {
  const SocketPair pair;
  Poller poller;
  poller.watch(pair.fd[0], 1, true, false);
  poller.watch(pair.fd[0], 2, true, true);
  const auto events = wait(poller, 10s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].token == 2);
  CHECK(events[0].writable);
  CHECK_FALSE(events[0].readable);
}

TEST_CASE("a silent descriptor reports nothing, not even a hang-up, until it is watched again") {
  SocketPair pair;
  Poller poller;
  poller.watch(pair.fd[0], 1, true, false);
  poller.watch(pair.fd[0], 1, false, false);
  pair.send();
  pair.close_end(1);
  CHECK(wait(poller).empty());
  poller.watch(pair.fd[0], 1, true, false);
  CHECK(wait(poller, 10s).size() == 1);
  poller.forget(pair.fd[0]);
  CHECK(wait(poller).empty());
}

TEST_CASE("a hang-up is readable, and writable for who waits to write") {
  SocketPair pair;
  pair.close_end(1);
  Poller poller;
  poller.watch(pair.fd[0], 1, true, false);
  REQUIRE(wait(poller, 10s).size() == 1);
  CHECK(wait(poller, 10s)[0].readable);
  poller.watch(pair.fd[0], 1, false, true);
  CHECK(wait(poller, 10s)[0].writable);
}

TEST_CASE("a descriptor number that comes back after forget is watched anew") {
  Poller poller;
  for (int i = 0; i < 3; ++i) {
    const SocketPair pair;
    poller.watch(pair.fd[0], static_cast<uint64_t>(i), true, false);
    pair.send();
    const auto events = wait(poller, 10s);
    REQUIRE(events.size() == 1);
    CHECK(events[0].token == static_cast<uint64_t>(i));
    poller.forget(pair.fd[0]);
  }
}

TEST_CASE("many ready descriptors all get their turn") {
  std::array<SocketPair, 200> pairs;
  Poller poller;
  for (size_t i = 0; i < pairs.size(); ++i) {
    poller.watch(pairs[i].fd[0], i, true, false);
    pairs[i].send();
  }
  std::array<bool, 200> seen{};
  for (int round = 0; round < 2; ++round) {
    for (const auto& event : wait(poller, 10s)) {
      seen[event.token] = true;
      poller.forget(pairs[event.token].fd[0]);
    }
  }
  CHECK(std::count(seen.begin(), seen.end(), true) == 200);
}

TEST_CASE("stop ends a wait from another thread, and every later one") {
  std::stop_source source;
  Poller poller(source.get_token());
  std::jthread other([&source] { source.request_stop(); });
  for (int i = 0; i < 2; ++i) {
    const auto events = poller.wait(60s);
    REQUIRE_FALSE(events);
    CHECK(events.error().code == Errc::kCancelled);
  }
}

TEST_CASE("wait_ready ends with readiness, deadline or stop") {
  const SocketPair pair;
  std::stop_source source;
  const Status late = io::wait_ready(pair.fd[0], Ready::kWantRead, soon(1ms), source.get_token());
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kNetwork);
  CHECK(late.error().cause == ETIMEDOUT);
  CHECK(io::wait_ready(pair.fd[0], Ready::kWantWrite, soon(60s), {}));
  CHECK(io::wait_ready(pair.fd[0], Ready::kDone, soon(60s), {}));
  pair.send();
  CHECK(io::wait_ready(pair.fd[0], true, false, soon(60s), source.get_token()));
  std::jthread other([&source] { source.request_stop(); });
  const Status stopped = io::wait_ready(pair.fd[1], Ready::kWantRead, soon(60s), source.get_token());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::kCancelled);
}

TEST_CASE("A poller that begins anew has forgotten what was closed meanwhile, and the stop before") {
  std::stop_source before;
  Poller poller(before.get_token());
  int number = -1;
  {
    SocketPair closed;
    number = closed.fd[0];
    poller.watch(closed.fd[0], 1, true, false);
  }
  before.request_stop();
  CHECK(poller.wait(0ms).error().code == Errc::kCancelled);
  std::stop_source stop;
  poller.restart(stop.get_token());
  SocketPair fresh;
  REQUIRE(fresh.fd[0] == number);
  poller.watch(fresh.fd[0], 2, true, false);
  CHECK(wait(poller).empty());
  fresh.send();
  const auto events = wait(poller);
  REQUIRE(events.size() == 1);
  CHECK(events[0].token == 2);
  stop.request_stop();
  CHECK(poller.wait(0ms).error().code == Errc::kCancelled);
}
