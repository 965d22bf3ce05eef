// Listeners and connections: TCP, the 8-byte preamble, TLS, DRPC.  The only place here, with the control
// socket, that knows of Asio.
//
// Connections are spread over worker threads, one loop each; a connection stays with its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "tests/network/service.h"

namespace asio {
class io_context;
}

namespace sjcp::network {

// The threads that serve.  Threads: any.
class Workers {
 public:
  explicit Workers(unsigned count);
  ~Workers();  // stops and joins
  void start();
  // Ends all loops; nothing is served from then on.
  void stop();
  // Requires: stopped.  Lets go of what still waited on the loops, which handlers keep alive.
  void drain();
  asio::io_context& next();  // round robin

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One address that is served.  Threads: any.
class Listener {
 public:
  // `workers` and `service` must outlive the listener.  port 0: any.  kNetwork.
  static Result<std::unique_ptr<Listener>> open(Workers& workers, Service& service, const std::string& host,
                                                uint16_t port);
  ~Listener();

  std::string address() const;  // host:port
                                // Down: nothing listens and what was open is being cut.  Up again on the same
                                // port.  Done when it returns; not
  // from a worker's thread, and only while the workers run.
  void set_down(bool down);
  // Requires: the workers are stopped.  Closes everything; Workers::drain() must follow before either is
  // destroyed.
  void shut();

  struct State;

 private:
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace sjcp::network
