#include <netinet/in.h>

#include <cstring>

#include "net/io/endpoint.h"
#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("numeric addresses resolve to their socket address") {
  const auto v4 = io::resolve("127.0.0.1:7777");
  REQUIRE(v4);
  REQUIRE(v4->size() == 1);
  sockaddr_in address{};
  REQUIRE(v4->front().sockaddr.size() == sizeof address);
  std::memcpy(&address, v4->front().sockaddr.data(), sizeof address);
  CHECK(address.sin_family == AF_INET);
  CHECK(ntohs(address.sin_port) == 7777);
  CHECK(ntohl(address.sin_addr.s_addr) == INADDR_LOOPBACK);
  CHECK(v4->front().text == "127.0.0.1:7777");

  const auto v6 = io::resolve("[::1]:10");
  REQUIRE(v6);
  CHECK(v6->front().sockaddr.size() == sizeof(sockaddr_in6));

  CHECK(io::numeric_host(v4->front()) == "127.0.0.1");
  CHECK(io::numeric_host(v6->front()) == "[::1]");
}

TEST_CASE("localhost resolves, the second time from the cache") {
  for (int i = 0; i < 2; ++i) {
    const auto endpoints = io::resolve("localhost:7777");
    REQUIRE(endpoints);
    CHECK_FALSE(endpoints->empty());
  }
}

TEST_CASE("malformed addresses are usage errors that quote the address") {
  for (const char* address : {"", "host", "host:", ":7777", "host:0", "host:65536", "host:7x", "host:-1",
                              "::1:7777", "[::1]", "[::1:7777", "[host]:7777"}) {
    INFO(address);
    const auto endpoints = io::resolve(address);
    REQUIRE_FALSE(endpoints);
    CHECK(endpoints.error().code == Errc::kUsage);
    CHECK(endpoints.error().what.starts_with(std::string("address \"").append(address).append("\": ")));
  }
}
