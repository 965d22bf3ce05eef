#include "net/io/tcp_state.h"

#include <string>
#include <thread>

#include "core/base/scope_guard.h"
#include "tests/net/io/tcp_pair.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace std::chrono_literals;

TEST_CASE("Round trips are known as soon as something has moved that way, and not before") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ScopeGuard close([&] { ::close(fd); });
  const auto unconnected = io::tcp_state(fd);
  REQUIRE(unconnected);
  CHECK(unconnected->least == 0ns);
  CHECK(unconnected->smoothed == 0ns);
  CHECK(unconnected->received == 0ns);
  const test::TcpPair pair;
  const auto state = io::tcp_state(pair.client);
  REQUIRE(state);
  CHECK(state->least > 0ns);
  CHECK(state->least <= state->smoothed);
  CHECK(state->smoothed < 10s);
  CHECK(state->received == 0ns);
  CHECK_FALSE(io::tcp_state(-1));
}

TEST_CASE("What the peer's kernel has received counts, read or not, and nothing else") {
  const test::TcpPair pair;
  const auto acknowledged = [&] { return io::tcp_state(pair.client)->acknowledged; };
  const uint64_t before = acknowledged();
  CHECK(before <= 1);  // the connection itself counts as one
  const std::string bytes(10'000, 'x');
  REQUIRE(::send(pair.client, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto patience = std::chrono::steady_clock::now() + 10s;
  while (acknowledged() == before && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  CHECK(acknowledged() == before + bytes.size());
}
