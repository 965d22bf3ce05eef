#include "tests/network/control.h"

#include <sys/stat.h>
#include <unistd.h>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include "tests/network/control_commands.h"

namespace sjcp::network {

using Protocol = asio::local::stream_protocol;

struct Control::State : std::enable_shared_from_this<Control::State> {
  State(asio::io_context& loop, Network& served, std::string where, std::function<void()> stop)
      : acceptor(loop), network(served), path(std::move(where)), on_stop(std::move(stop)) {}

  void accept();

  Protocol::acceptor acceptor;
  Network& network;
  const std::string path;
  const std::function<void()> on_stop;
};

namespace {

// One client: a line in, a line out.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Protocol::socket socket, std::shared_ptr<Control::State> control)
      : socket_(std::move(socket)), control_(std::move(control)) {}

  void read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, kMaxLine), '\n',
                           [self = shared_from_this()](const std::error_code& error, size_t size) {
                             if (!error) self->run(size);
                           });
  }

 private:
  static constexpr size_t kMaxLine = 1 << 20;

  void run(size_t size) {
    ControlReply reply = run_control_command(control_->network, input_.substr(0, size));
    input_.erase(0, size);
    output_ = reply.line + "\n";
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this(), stop = reply.stop](const std::error_code& error, size_t) {
                        if (stop) self->control_->on_stop();
                        if (!error) self->read();
                      });
  }

  Protocol::socket socket_;
  std::shared_ptr<Control::State> control_;
  std::string input_;
  std::string output_;
};

}  // namespace

void Control::State::accept() {
  acceptor.async_accept([self = shared_from_this()](const std::error_code& error, Protocol::socket socket) {
    if (error) return;
    std::make_shared<Client>(std::move(socket), self)->read();
    self->accept();
  });
}

Control::Control(std::shared_ptr<State> state) : state_(std::move(state)) {}

Control::~Control() {
  std::error_code ignored;
  state_->acceptor.close(ignored);
  ::unlink(state_->path.c_str());
}

Result<std::unique_ptr<Control>> Control::open(asio::io_context& loop, Network& network,
                                               const std::string& path, std::function<void()> on_stop) {
  if (path.size() >= 108) return make_error(Errc::kUsage, path + ": too long for a socket");
  auto state = std::make_shared<State>(loop, network, path, std::move(on_stop));
  ::unlink(path.c_str());
  std::error_code error;
  state->acceptor.open(Protocol(), error);
  const mode_t before = ::umask(0077);
  if (!error) state->acceptor.bind(Protocol::endpoint(path), error);
  ::umask(before);
  if (!error) state->acceptor.listen(16, error);
  if (error) return errno_error(path, error.value());
  state->accept();
  return std::unique_ptr<Control>(new Control(std::move(state)));
}

}  // namespace sjcp::network
