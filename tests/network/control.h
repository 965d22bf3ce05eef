// The control socket: a Unix socket, JSON lines both ways, any number of clients.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "tests/network/network.h"

namespace asio {
class io_context;
}

namespace sjcp::network {

class Control {
 public:
  // Serves on `loop`.  The socket is for its owner only, and gone when this object is.  `network` must
  // outlive it. on_stop: a client asked for the end.  kLocalIo.
  static Result<std::unique_ptr<Control>> open(asio::io_context& loop, Network& network,
                                               const std::string& path, std::function<void()> on_stop);
  ~Control();

  struct State;

 private:
  explicit Control(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace sjcp::network
