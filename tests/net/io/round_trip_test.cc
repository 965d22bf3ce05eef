#include "net/io/round_trip.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/base/scope_guard.h"

using namespace sjcp;

TEST_CASE("A round trip is known once a connection stands, and not before") {
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
  CHECK_FALSE(io::round_trip(client));
  REQUIRE(::connect(client, name, size) == 0);
  const auto trip = io::round_trip(client);
  REQUIRE(trip);
  CHECK(trip->now.count() > 0);
  CHECK(trip->now < std::chrono::seconds(10));
  CHECK(trip->least <= trip->now);
  CHECK_FALSE(io::round_trip(-1));
}
