#include "net/http/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/io/endpoint.h"
#include "tests/support/catch.h"
#include "tests/support/loopback_listener.h"
#include "tests/support/rendezvous.h"

namespace sjcp::http {
namespace {

// Answers each request on each connection once it may.
class Server {
 public:
  Server() : acceptor_([this] { accept(); }) {}
  ~Server() {
    listener_.shut_down();
    acceptor_.join();
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    for (auto& thread : threads_) thread.join();
    for (const int socket : sockets_) ::close(socket);
  }
  std::string url() const { return "http://" + listener_.address() + "/"; }
  // That have been made until now: the kernel hands them over in the order in which they came.
  size_t connections() {
    const std::string to = io::resolve(listener_.address())->front().sockaddr;
    const int last = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(last, reinterpret_cast<const sockaddr*>(to.data()),
                      static_cast<socklen_t>(to.size())) == 0);
    const int port = test::port_of(last, false);
    std::unique_lock lock(mutex_);
    const auto mine = [&] { return std::find(ports_.begin(), ports_.end(), port); };
    REQUIRE(changed_.wait_for(lock, test::kPatience, [&] { return mine() != ports_.end(); }));
    const auto before = static_cast<size_t>(mine() - ports_.begin()) - looks_;
    ++looks_;
    ::close(last);
    return before;
  }
  // Whether so many connections come within the time that a test waits.
  bool await_connections(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::kPatience, [&] { return sockets_.size() - looks_ >= count; });
  }
  // So many requests more, of those that come.
  void answer(size_t more) {
    const std::lock_guard lock(mutex_);
    allowed_ += more;
    changed_.notify_all();
  }
  bool await_requests(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::kPatience, [&] { return requests_ >= count; });
  }

 private:
  void accept() {
    for (;;) {
      const int socket = listener_.accept();
      if (socket < 0) return;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      ports_.push_back(test::port_of(socket, true));
      threads_.emplace_back([this, socket] { serve(socket); });
      changed_.notify_all();
    }
  }
  void serve(int socket) {
    std::string read;
    char bytes[4096];
    for (;;) {
      const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
      if (count <= 0) return;
      read.append(bytes, static_cast<size_t>(count));
      if (!read.ends_with("\r\n\r\n")) continue;
      read.clear();
      {
        std::unique_lock lock(mutex_);
        ++requests_;
        changed_.notify_all();
        if (!changed_.wait_for(lock, test::kPatience, [&] { return allowed_ > 0; })) return;
        --allowed_;
      }
      const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      (void)::send(socket, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }

  const test::LoopbackListener listener_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> sockets_;
  std::vector<int> ports_;  // theirs, of each
  size_t looks_ = 0;        // connections that only counted
  std::vector<std::thread> threads_;
  size_t requests_ = 0;
  size_t allowed_ = 0;
  std::thread acceptor_;
};

struct Fixture {
  explicit Fixture(std::chrono::milliseconds long_path) {
    ClientOptions options;
    options.long_path = long_path;
    client = *Client::create(options);
  }
  std::future<bool> ask(unsigned followers) {
    return std::async(std::launch::async, [this, followers] {
      Request request;
      request.url = server.url();
      request.followers = followers;
      request.direct = true;
      const auto reply = client->call(request, context);
      return reply && reply->status == 200;
    });
  }

  Server server;
  transfer::Counters counters;
  transfer::ConnectionBudget connections{16};
  const transfer::Context context = [this] {
    transfer::Context out{{}, nullptr, &counters};
    out.connections = &connections;
    return out;
  }();
  std::unique_ptr<Client> client;
};

TEST_CASE("On a long path the connections of requests that follow are there before these") {
  Fixture f(std::chrono::milliseconds(0));
  auto first = f.ask(3);
  // While the first request is unanswered.
  REQUIRE(f.server.await_connections(4));
  f.server.answer(1);
  CHECK(first.get());
  std::vector<std::future<bool>> rest;
  for (int i = 0; i < 4; ++i) rest.push_back(f.ask(0));
  REQUIRE(f.server.await_requests(5));
  CHECK(f.server.connections() == 4);
  f.server.answer(4);
  for (auto& each : rest) CHECK(each.get());
}

TEST_CASE("No more connections are made early than there may be") {
  Fixture f(std::chrono::milliseconds(0));
  auto held = f.connections.open(13, {});
  REQUIRE(held);
  auto first = f.ask(30);
  REQUIRE(f.server.await_connections(3));
  f.server.answer(1);
  CHECK(first.get());
  f.client.reset();
  CHECK(f.server.connections() == 3);
}

TEST_CASE("A request over a kept connection makes none early") {
  Fixture f(std::chrono::milliseconds(0));
  for (const unsigned followers : {0U, 3U}) {
    auto request = f.ask(followers);
    f.server.answer(1);
    CHECK(request.get());
  }
  f.client.reset();
  CHECK(f.server.connections() == 1);
}

TEST_CASE("On a short path none are made early") {
  Fixture f(std::chrono::hours(1));  // no path on a loaded machine is as long
  auto first = f.ask(3);
  REQUIRE(f.server.await_requests(1));
  f.server.answer(1);
  CHECK(first.get());
  f.client.reset();
  CHECK(f.server.connections() == 1);
}

}  // namespace
}  // namespace sjcp::http
