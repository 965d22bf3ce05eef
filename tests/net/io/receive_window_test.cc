#include "net/io/receive_window.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <string>

#include "core/base/scope_guard.h"

using namespace sjcp;

namespace {

int option(int fd, int name, int level = SOL_SOCKET) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

// Two ends of a TCP connection.
struct Connection {
  Connection() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ScopeGuard close([&] { ::close(listener); });
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, any, size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, any, &size) == 0);
    reader = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(reader, any, size) == 0);
    writer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    REQUIRE(writer >= 0);
  }
  ~Connection() {
    ::close(reader);
    ::close(writer);
  }
  // What the writer may send before anything is read, as its peer's windows allow.
  uint32_t offered() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    REQUIRE(::getsockopt(reader, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_rcv_ssthresh;
  }
  int reader = -1;
  int writer = -1;
};

}  // namespace

TEST_CASE("A widened socket has room for a megabyte and still wakes its reader for every byte") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  ScopeGuard close([&] { ::close(fd); });
  CHECK(option(fd, SO_RCVBUF) < 1 << 20);
  io::widen_receive_window(fd);
  CHECK(option(fd, SO_RCVBUF) >= 1 << 20);
  CHECK(option(fd, SO_RCVLOWAT) == 1);
}

TEST_CASE("A limited window holds until it is lifted") {
  const Connection connection;
  io::widen_receive_window(connection.reader);
  const uint32_t before = connection.offered();
  REQUIRE(before > 20'000);
  io::limit_receive_window(connection.reader, 5760);
  CHECK(option(connection.reader, TCP_WINDOW_CLAMP, IPPROTO_TCP) == 5760);
  CHECK(connection.offered() <= 5760);
  io::limit_receive_window(connection.reader, io::kAnyWindow);
  CHECK(connection.offered() >= 20'000);
  CHECK(option(connection.reader, TCP_WINDOW_CLAMP, IPPROTO_TCP) > 1 << 20);
}

TEST_CASE("Round trips are unknown as long as nothing has moved") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  ScopeGuard close([&] { ::close(fd); });
  CHECK_FALSE(io::round_trips(fd));
  const Connection connection;
  CHECK_FALSE(io::round_trips(connection.reader));
}
