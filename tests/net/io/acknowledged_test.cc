#include "net/io/acknowledged.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "core/base/scope_guard.h"

using namespace sjcp;

TEST_CASE("What the peer's kernel has received counts, read or not, and nothing else") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ScopeGuard close([&] {
    ::close(listener);
    ::close(client);
  });
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener, name, size) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::getsockname(listener, name, &size) == 0);
  REQUIRE(::connect(client, name, size) == 0);
  const uint64_t before = io::acknowledged_bytes(client);
  CHECK(before <= 1);  // the connection itself counts as one
  const std::string bytes(10'000, 'x');
  REQUIRE(::send(client, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (io::acknowledged_bytes(client) == before && std::chrono::steady_clock::now() < patience) {
    std::this_thread::yield();
  }
  CHECK(io::acknowledged_bytes(client) == before + bytes.size());
  CHECK(io::acknowledged_bytes(-1) == 0);
}
