#include "net/io/early_dials.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"
#include "tests/support/loopback_listener.h"

namespace sjcp::io {
namespace {

using namespace std::chrono_literals;

struct Listener : test::LoopbackListener {
  const Endpoint endpoint = resolve(LoopbackListener::address())->front();
  ByteView address() const { return ByteView(endpoint.sockaddr); }
};

TEST_CASE("A connection that was made early is given once, to whoever wants its address") {
  const Listener here;
  const Listener there;
  EarlyDials dials;
  CHECK(dials.take(here.address()) == -1);
  dials.dial(here.endpoint);
  CHECK(dials.take(there.address()) == -1);
  const int socket = dials.take(here.address());
  REQUIRE(socket >= 0);
  CHECK(dials.take(here.address()) == -1);
  const int peer = here.accept();
  CHECK(::send(socket, "x", 1, MSG_NOSIGNAL) == 1);
  char byte = 0;
  CHECK(::recv(peer, &byte, 1, 0) == 1);
  CHECK(byte == 'x');
  ::close(peer);
  ::close(socket);
}

TEST_CASE("What the server has closed, or speaks on by itself, is passed over") {
  const Listener here;
  EarlyDials dials;
  for (int i = 0; i < 3; ++i) dials.dial(here.endpoint);
  ::close(here.accept());
  const int speaks = here.accept();
  REQUIRE(::send(speaks, "?", 1, MSG_NOSIGNAL) == 1);
  const int socket = dials.take(here.address());
  REQUIRE(socket >= 0);
  CHECK(dials.size() == 0);
  const int peer = here.accept();
  REQUIRE(::send(socket, "x", 1, MSG_NOSIGNAL) == 1);
  char byte = 0;
  CHECK(::recv(peer, &byte, 1, 0) == 1);
  for (const int each : {speaks, peer, socket}) ::close(each);
}

TEST_CASE("A connection that nobody has wanted for some time is closed") {
  const Listener here;
  const Listener there;
  test::HandClock clock;
  EarlyDials dials(clock);
  dials.dial(here.endpoint);
  clock.advance(EarlyDials::kFresh - 1s);
  dials.dial(here.endpoint);
  clock.advance(1s);
  CHECK(dials.take(there.address()) == -1);
  CHECK(dials.size() == 1);
  const int old = here.accept();
  char byte = 0;
  CHECK(::recv(old, &byte, 1, 0) == 0);
  ::close(old);
}

TEST_CASE("What nobody listens to does not connect") {
  Endpoint nobody;
  {
    const Listener gone;
    nobody = gone.endpoint;
  }
  EarlyDials dials;
  dials.dial(nobody);
  CHECK(dials.take(ByteView(nobody.sockaddr)) == -1);
  CHECK(dials.size() == 0);
}

}  // namespace
}  // namespace sjcp::io
