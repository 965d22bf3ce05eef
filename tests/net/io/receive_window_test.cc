#include "net/io/receive_window.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/base/scope_guard.h"

using namespace sjcp;

namespace {

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0);
  return value;
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
