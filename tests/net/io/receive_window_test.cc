#include "net/io/receive_window.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/scope_guard.h"
#include "tests/net/io/tcp_pair.h"
#include "tests/support/catch.h"

using namespace sjcp;

namespace {

int option(int fd, int name, int level = SOL_SOCKET) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

// What the peer may send before anything is read, as the reader's windows allow.
uint32_t offered(const test::TcpPair& pair) {
  tcp_info info{};
  socklen_t size = sizeof info;
  REQUIRE(::getsockopt(pair.client, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info.tcpi_rcv_ssthresh;
}

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
  const test::TcpPair pair;
  io::widen_receive_window(pair.client);
  const uint32_t before = offered(pair);
  REQUIRE(before > 20'000);
  io::limit_receive_window(pair.client, 5760);
  CHECK(option(pair.client, TCP_WINDOW_CLAMP, IPPROTO_TCP) == 5760);
  CHECK(offered(pair) <= 5760);
  io::limit_receive_window(pair.client, io::kAnyWindow);
  CHECK(offered(pair) >= 20'000);
  CHECK(option(pair.client, TCP_WINDOW_CLAMP, IPPROTO_TCP) > 1 << 20);
}
