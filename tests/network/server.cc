#include "tests/network/server.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <future>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/network/connection.h"

namespace sjcp::network {

// ---- threads ----

struct Workers::State {
  struct Worker {
    asio::io_context loop{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy{loop.get_executor()};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<size_t> turn{0};
};

Workers::Workers(unsigned count) : state_(std::make_unique<State>()) {
  for (unsigned i = 0; i < std::max(1u, count); ++i)
    state_->workers.push_back(std::make_unique<State::Worker>());
}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  for (auto& worker : state_->workers) {
    worker->thread = std::thread([&loop = worker->loop] { loop.run(); });
  }
}

void Workers::stop() {
  for (auto& worker : state_->workers) worker->loop.stop();
  for (auto& worker : state_->workers) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void Workers::drain() {
  // Twice: a handler of one loop may post to another.
  for (int round = 0; round < 2; ++round) {
    for (auto& worker : state_->workers) {
      worker->loop.restart();
      worker->loop.poll();
    }
  }
}

asio::io_context& Workers::next() {
  return state_->workers[state_->turn.fetch_add(1) % state_->workers.size()]->loop;
}

// ---- listeners ----

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Workers& threads, Service& served)
      : workers(threads), service(served), loop(threads.next()), acceptor(loop), pause(loop) {}

  std::error_code listen();
  void accept();
  void accepted(asio::io_context& home, asio::ip::tcp::socket socket);
  void apply_down(bool now);
  void cut_all();

  Workers& workers;
  Service& service;
  asio::io_context& loop;
  asio::ip::tcp::acceptor acceptor;
  asio::steady_timer pause;
  asio::ip::tcp::endpoint endpoint;
  std::mutex mutex;
  std::list<std::weak_ptr<Connection>> connections;
  bool down = false;  // of loop's thread
};

std::error_code Listener::State::listen() {
  std::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (!error) endpoint = acceptor.local_endpoint(error);
  if (error) acceptor.close();
  return error;
}

void Listener::State::accept() {
  asio::io_context& home = workers.next();
  acceptor.async_accept(
      home, [self = shared_from_this(), &home](const std::error_code& error, asio::ip::tcp::socket socket) {
        if (error == asio::error::operation_aborted || !self->acceptor.is_open()) return;
        if (error) {
          // Out of descriptors, most likely: give connections time to end.
          self->pause.expires_after(std::chrono::milliseconds(50));
          self->pause.async_wait([self](const std::error_code& stopped) {
            if (!stopped) self->accept();
          });
          return;
        }
        self->accepted(home, std::move(socket));
        self->accept();
      });
}

void Listener::State::accepted(asio::io_context& home, asio::ip::tcp::socket socket) {
  std::error_code error;
  socket.set_option(asio::ip::tcp::no_delay(true), error);
  socket.non_blocking(true, error);
  const int fd = socket.release(error);
  if (error) return;
  // A descriptor belongs to one loop; the connection registers it with its own.
  asio::post(home, [self = shared_from_this(), &home, fd] {
    auto connection = std::make_shared<Connection>(home, self->service, fd);
    {
      std::lock_guard lock(self->mutex);
      self->connections.remove_if([](const auto& old) { return old.expired(); });
      self->connections.push_back(connection);
    }
    connection->start();
  });
}

void Listener::State::apply_down(bool now) {
  if (down == now) return;
  down = now;
  if (down) {
    std::error_code ignored;
    acceptor.close(ignored);
    cut_all();
  } else if (!listen()) {
    accept();
  }
}

void Listener::State::cut_all() {
  std::lock_guard lock(mutex);
  for (const auto& weak : connections) {
    if (const auto connection = weak.lock()) connection->cut();
  }
  connections.clear();
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::open(Workers& workers, Service& service, const std::string& host,
                                                 uint16_t port) {
  std::error_code error;
  auto state = std::make_shared<State>(workers, service);
  state->endpoint = asio::ip::tcp::endpoint(asio::ip::make_address(host, error), port);
  if (error) return make_error(Errc::kUsage, host + ": not an address to bind to");
  error = state->listen();
  if (error) {
    return make_error(Errc::kNetwork, host + ":" + std::to_string(port) + ": " + error.message(),
                      error.value());
  }
  asio::post(state->loop, [state] { state->accept(); });
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

std::string Listener::address() const {
  const auto& endpoint = state_->endpoint;
  const std::string host = endpoint.address().to_string();
  const std::string port = std::string(":").append(std::to_string(endpoint.port()));
  return endpoint.address().is_v6() ? "[" + host + "]" + port : host + port;
}

void Listener::shut() {
  std::error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
  state_->cut_all();
}

void Listener::set_down(bool down) {
  std::promise<void> done;
  asio::post(state_->loop, [&state = *state_, &done, down] {
    state.apply_down(down);
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace sjcp::network
