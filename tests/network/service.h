// What a listener serves: calls by rpc name, over connections that the service may refuse.
//
// Threads: Service from any thread; a Call belongs to its connection's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "net/drpc/server_machine.h"
#include "net/io/noise_connection.h"
#include "net/io/tls_connection.h"

namespace sjcp::network {

// How fast a stream may move piece data.
struct Pace {
  uint64_t bytes_per_second = 0;        // 0 = no limit
  std::optional<uint64_t> stall_after;  // bytes; then nothing more moves
};

// One call in progress.  Replies go to the machine, during the calls below only.
class Call {
 public:
  virtual ~Call() = default;
  virtual void on_message(ByteView whole, drpc::ServerMachine& out) = 0;
  virtual void on_close_send(drpc::ServerMachine& out) = 0;
  // Adds more output, with at most max_bytes of piece data; false when there is none now.
  virtual bool pump(drpc::ServerMachine& out, uint64_t max_bytes) {
    (void)out;
    (void)max_bytes;
    return false;
  }
  // The connection is to be cut at once.
  virtual bool drops_connection() const { return false; }
  // Piece data that moved so far, and whether the client sends it.
  virtual uint64_t progress() const { return 0; }
  virtual bool receives() const { return false; }
  virtual Pace pace() const { return {}; }
};

class Service {
 public:
  virtual ~Service() = default;
  virtual std::shared_ptr<const io::TlsContext> tls() = 0;
  // Null: it does not speak Noise.  Outlives the connections.
  virtual const crypto::NoiseKey* noise() { return nullptr; }
  // Never null.
  virtual std::unique_ptr<Call> open(std::string_view rpc) = 0;
  // Accept connections only to close them.
  virtual bool refuses() const { return false; }
  virtual void on_connection() {}
  virtual void on_noise() {}  // a connection speaks it
  virtual void on_handshake_failed() {}
};

}  // namespace sjcp::network
