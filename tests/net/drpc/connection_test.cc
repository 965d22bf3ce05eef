#include "net/drpc/connection.h"

#include <poll.h>

#include <atomic>
#include <cerrno>

#include "net/drpc/server_machine.h"
#include "tests/net/drpc/recorders.h"
#include "tests/net/io/loopback_server.h"
#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"
#include "tests/support/loopback_listener.h"

using namespace sjcp;
using namespace std::chrono_literals;
using drpc::CallOptions;
using drpc::Peer;
using drpc::Pool;
using drpc::Reply;
using io::TlsConnection;
using io::TlsContext;
using sjcp::test::LoopbackServer;
using sjcp::test::new_identity;
using sjcp::test::patience;

namespace {

constexpr size_t kFlood = 3 << 20;

// What the test server does on one connection.  The rpc's name says how it answers.
class Service : public drpc::ServerHandler {
 public:
  Service(drpc::ServerMachine& machine, const std::function<void(const std::string&)>& on_call)
      : machine_(machine), on_call_(on_call) {}

  Status on_invoke(uint64_t, std::string_view rpc) override {
    rpc_ = rpc;
    request_.clear();
    ++calls_;
    return {};
  }
  Status on_message_data(ByteView data, bool last) override {
    request_.append(data.text());
    if (last) answer();
    return {};
  }
  Status on_close_send() override { return {}; }
  void on_end(drpc::StreamEnd) override {}

  // The connection is to be closed after its output.
  bool leaving() const { return leaving_; }

 private:
  void answer() {
    if (on_call_) on_call_(rpc_);
    if (rpc_ == "/echo" || rpc_ == "/bye" || (rpc_ == "/once" && calls_ == 1)) {
      machine_.message(request_);
      machine_.close_send();
    } else if (rpc_ == "/error") {
      machine_.error(5, "no such thing");
    } else if (rpc_ == "/silent") {
      machine_.close_send();
    } else if (rpc_ == "/half") {
      machine_.message_header(1000);
      machine_.append_raw(ByteView(request_));
    } else if (rpc_ == "/flood") {
      // A big message that is cut short, as from a node that notices a cancel.
      machine_.message(std::string(kFlood, 'f'));
      machine_.message_header(1000);
      machine_.append_raw(std::string(1000, 'g'));
    }
    leaving_ = rpc_ == "/bye" || rpc_ == "/half" || (rpc_ == "/once" && calls_ == 2);
  }

  drpc::ServerMachine& machine_;
  const std::function<void(const std::string&)>& on_call_;
  std::string rpc_;
  std::string request_;
  int calls_ = 0;
  bool leaving_ = false;
};

void serve(TlsConnection& connection, const std::stop_token& stop,
           const std::function<void(const std::string&)>& on_call) {
  drpc::ServerMachine machine;
  Service service(machine, on_call);
  std::array<uint8_t, 16384> buffer;
  while (true) {
    while (!machine.output().empty()) {
      const auto taken = connection.write(machine.output());
      if (!taken) return;
      if (*taken == 0) break;
      machine.consume_output(*taken);
    }
    if (service.leaving() && machine.output().empty()) return;
    const auto got = connection.read(buffer);
    if (!got || got->eof) return;
    if (!got->data.empty()) {
      if (!machine.receive(got->data, service)) return;
    } else if (!io::wait_ready(connection.fd(), true, !machine.output().empty(), patience(), stop)) {
      return;
    }
  }
}

// A server, a pool, and the peer to call.
struct Network {
  explicit Network(std::function<void(const std::string&)> on_call_ = {}, Pool::Options options = {},
                   const Clock& clock = system_clock())
      : on_call(std::move(on_call_)),
        server(*TlsContext::server(identity),
               [this](TlsConnection& connection, const std::stop_token& stop) {
                 serve(connection, stop, on_call);
               }),
        pool(*TlsContext::client(new_identity()), options, clock),
        peer{identity->id(), server.address()} {}

  Result<Reply> call(std::string_view rpc, std::string_view request, const CallOptions& options = {},
                     const std::stop_token& stop = {}) {
    return drpc::call(pool, peer, rpc, ByteView(request), options, stop);
  }
  std::unique_ptr<drpc::Connection> connect() const {
    auto connection = pool.dial(peer);
    REQUIRE(connection);
    REQUIRE(test::handshake(*(*connection)->transport));
    return std::move(*connection);
  }
  std::string prefix() const { return server.address() + " (node " + identity->id().text() + ")"; }

  std::shared_ptr<const io::Identity> identity = new_identity();
  std::function<void(const std::string&)> on_call;
  LoopbackServer server;
  Pool pool;
  Peer peer;
};

// Writes all output without reading.
void flush(drpc::Connection& connection) {
  while (!connection.machine.output().empty()) {
    const auto taken = connection.transport->write(connection.machine.output());
    REQUIRE(taken);
    connection.machine.consume_output(*taken);
    if (*taken == 0)
      REQUIRE(io::wait_ready(connection.transport->fd(), io::Ready::kWantWrite, patience(), {}));
  }
}

// Writes and reads until `done`.
void drive(drpc::Connection& connection, drpc::StreamHandler& handler, const std::function<bool()>& done) {
  std::array<uint8_t, 16384> buffer;
  while (!done()) {
    if (!connection.machine.output().empty()) {
      const auto taken = connection.transport->write(connection.machine.output());
      REQUIRE(taken);
      connection.machine.consume_output(*taken);
    }
    const auto got = connection.transport->read(buffer);
    REQUIRE(got);
    REQUIRE_FALSE(got->eof);
    if (!got->data.empty()) {
      REQUIRE(connection.machine.receive(got->data, handler));
    } else {
      REQUIRE(io::wait_ready(connection.transport->fd(), true, !connection.machine.output().empty(),
                             patience(), {}));
    }
  }
}

}  // namespace

TEST_CASE("unary calls get their replies over one connection") {
  Network network;
  for (const size_t size : {size_t{0}, size_t{5}, size_t{3} << 20}) {
    const std::string request(size, 'r');
    const auto reply = network.call("/echo", request);
    REQUIRE(reply);
    CHECK(reply->ok);
    CHECK(reply->message == request);
    CHECK(network.pool.idle() == 1);
  }
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("an error reply has code and text, and the connection serves the next call") {
  Network network;
  const auto reply = network.call("/error", "x");
  REQUIRE(reply);
  CHECK_FALSE(reply->ok);
  CHECK(reply->error.code == 5);
  CHECK(reply->error.text == "no such thing");
  REQUIRE(network.call("/echo", "y"));
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("a pooled connection that the peer has closed is not used") {
  Network network;
  std::unique_ptr<drpc::Connection> connection = network.connect();
  const int fd = ::dup(connection->transport->fd());
  connection->machine.invoke("/bye");
  connection->machine.message(std::string("x"));
  connection->machine.close();
  flush(*connection);
  // Nothing is read: the pool has to notice the end by itself, before or after it takes the connection.
  const bool kept_before = GENERATE(true, false);
  if (kept_before) network.pool.give_back(network.peer, std::move(connection));
  pollfd closed{fd, POLLRDHUP, 0};
  REQUIRE(::poll(&closed, 1, 60000) == 1);
  ::close(fd);
  if (!kept_before) network.pool.give_back(network.peer, std::move(connection));
  CHECK(network.pool.take(network.peer) == nullptr);
  CHECK(network.pool.idle() == 0);
  REQUIRE(network.call("/echo", "y"));
  CHECK(network.server.accepted() == 2);
}

TEST_CASE("a pooled connection that turns out closed before the reply is replaced once") {
  Network network;
  REQUIRE(network.call("/once", "first"));
  // The server drops the connection on its second call.
  const auto reply = network.call("/once", "second");
  REQUIRE(reply);
  CHECK(reply->message == "second");
  CHECK(network.server.accepted() == 2);
}

TEST_CASE("a call that must not be repeated is not sent again once it was written") {
  Network network;
  REQUIRE(network.call("/once", "first"));
  CallOptions once;
  once.repeatable = false;
  const auto reply = network.call("/once", "second", once);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kNetwork);
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("an end in the middle of a reply is an unknown outcome and is not retried") {
  Network network;
  REQUIRE(network.call("/echo", "x"));
  const auto reply = network.call("/half", "part");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kNetwork);
  CHECK(reply.error().cause == 0);
  CHECK(reply.error().what == network.prefix() + ": closed the connection before the reply (/half)");
  CHECK(network.server.accepted() == 1);
  CHECK(network.pool.idle() == 0);
}

TEST_CASE("a call that ends without a reply is an unknown outcome") {
  Network network;
  const auto reply = network.call("/silent", "x");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kNetwork);
  CHECK(reply.error().cause == 0);
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("a call that takes too long fails and its connection is dropped") {
  Network network;
  const auto reply = network.call("/hang", "x", {10s, 20ms});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kNetwork);
  CHECK(reply.error().cause == ETIMEDOUT);
  CHECK(reply.error().what == network.prefix() + ": no reply within 0.020 s (/hang)");
  CHECK(network.pool.idle() == 0);
}

TEST_CASE("a stopped call is cancelled softly and its connection serves the next one") {
  std::stop_source source;
  Network network([&source](const std::string& rpc) {
    if (rpc == "/hang") source.request_stop();
  });
  const auto reply = network.call("/hang", "x", {}, source.get_token());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kCancelled);
  CHECK(network.pool.idle() == 1);
  const auto next = network.call("/echo", "y");
  REQUIRE(next);
  CHECK(next->message == "y");
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("a connection with megabytes of an abandoned download in flight serves the next call") {
  Network network;
  std::unique_ptr<drpc::Connection> connection = network.connect();
  test::ClientRecorder recorder;
  connection->machine.invoke("/flood");
  connection->machine.message(std::string("go"));
  drive(*connection, recorder, [&recorder] { return recorder.partial.size() > 100000; });
  connection->machine.cancel();
  flush(*connection);
  CHECK(recorder.partial.size() < kFlood);
  network.pool.give_back(network.peer, std::move(connection));
  REQUIRE(network.pool.idle() == 1);
  const auto reply = network.call("/echo", "y");
  REQUIRE(reply);
  CHECK(reply->message == "y");
  CHECK(network.server.accepted() == 1);
}

TEST_CASE("a connection is given back only when it can serve another call") {
  Network network;
  Pool& pool = network.pool;
  SECTION("not before the handshake") {
    auto connection = pool.dial(network.peer);
    REQUIRE(connection);
    pool.give_back(network.peer, std::move(*connection));
  }
  SECTION("not with a call open") {
    auto connection = network.connect();
    connection->machine.invoke("/echo");
    connection->machine.consume_output(connection->machine.output().size());
    pool.give_back(network.peer, std::move(connection));
  }
  SECTION("not with output left") {
    auto connection = network.connect();
    connection->machine.invoke("/echo");
    connection->machine.cancel();
    pool.give_back(network.peer, std::move(connection));
  }
  SECTION("not after the peer closed it") {
    auto connection = network.connect();
    network.server.stop();
    REQUIRE(io::wait_ready(connection->transport->fd(), io::Ready::kWantRead, patience(), {}));
    pool.give_back(network.peer, std::move(connection));
  }
  CHECK(pool.idle() == 0);
}

TEST_CASE("idle connections leave after the idle limit, and the oldest when there are too many") {
  test::HandClock clock;
  Network network({}, {2, 120s}, clock);
  Pool& pool = network.pool;
  const Peer alias{network.peer.id,
                   "localhost" + network.peer.address.substr(network.peer.address.find(':'))};
  pool.give_back(alias, network.connect());
  clock.advance(1s);
  pool.give_back(network.peer, network.connect());
  clock.advance(1s);
  pool.give_back(network.peer, network.connect());
  CHECK(pool.idle() == 2);
  CHECK(pool.take(alias) == nullptr);
  clock.advance(119s);  // the first of the two is 120 s old now
  CHECK(pool.take(network.peer) != nullptr);
  CHECK(pool.take(network.peer) == nullptr);
}

TEST_CASE("a peer with the wrong identity gets no call") {
  std::atomic<int> calls = 0;
  Network network([&calls](const std::string&) { ++calls; });
  network.peer.id = new_identity()->id();
  const auto reply = network.call("/echo", "x");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kIntegrity);
  network.server.stop();
  CHECK(calls == 0);
}

TEST_CASE("a peer that does not listen is a network error with its errno") {
  Network network;
  network.server.stop();
  std::string address;
  {
    const Network gone;
    address = gone.server.address();
  }
  network.peer.address = address;
  const auto reply = network.call("/echo", "x");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kNetwork);
  CHECK(reply.error().cause == ECONNREFUSED);
  CHECK(reply.error().what.starts_with(address + " (node "));
}

TEST_CASE("a peer that accepts and says nothing runs into the dial limit, and stop ends the dial") {
  const auto identity = new_identity();
  // Listens without ever accepting: the kernel completes the TCP connection, nobody answers TLS.
  const test::LoopbackListener listener;
  const Peer peer{identity->id(), listener.address()};
  Pool pool(*TlsContext::client(new_identity()), {});
  const auto late = drpc::call(pool, peer, "/echo", ByteView(), {20ms, 10s}, {});
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kNetwork);
  CHECK(late.error().cause == ETIMEDOUT);
  CHECK(late.error().what == peer.address + " (node " + peer.id.text() + "): no connection within 0.020 s");
  std::stop_source source;
  source.request_stop();
  const auto stopped = drpc::call(pool, peer, "/echo", ByteView(), {60s, 60s}, source.get_token());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::kCancelled);
}

TEST_CASE("many threads call through one pool") {
  Network network;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&network, &good, i] {
        for (int round = 0; round < 20; ++round) {
          const std::string request = std::to_string(i * 100 + round);
          const auto reply = network.call("/echo", request);
          good += reply && reply->message == request;
        }
      });
    }
  }
  CHECK(good == 80);
  CHECK(network.server.accepted() <= 4);
  CHECK(network.pool.idle() == network.server.accepted());
}
