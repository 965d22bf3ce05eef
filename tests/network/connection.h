// One accepted connection: preamble, TLS or Noise, then calls, one at a time.
//
// Threads: its loop's, except cut().
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "net/drpc/server_machine.h"
#include "net/io/peer_connection.h"
#include "tests/network/service.h"

namespace sjcp::network {

class Connection : public std::enable_shared_from_this<Connection>, private drpc::ServerHandler {
 public:
  // Takes the accepted, non-blocking descriptor.  `service` must outlive the connection.
  Connection(asio::io_context& loop, Service& service, int fd);
  ~Connection() override;

  void start();
  // Closes at once.  Any thread.
  void cut();

 private:
  enum class Stage : uint8_t { kPreamble, kHandshake, kOpen, kClosed };

  // drpc::ServerHandler
  Status on_invoke(uint64_t stream, std::string_view rpc) override;
  Status on_message_data(ByteView data, bool last) override;
  Status on_close_send() override;
  void on_end(drpc::StreamEnd how) override;

  void advance();  // does what can be done without waiting, then waits
  bool read_preamble();
  void handshake();
  void serve();
  bool read_some();
  bool pump_some();
  bool write_some();
  void after_call();
  // Piece data that the pace lets move now; also sets how long to wait for more.
  uint64_t allowance();
  bool reading_allowed();
  void wait_hang_up();  // also keeps the connection alive while it waits for nothing else
  void wait_read();
  void wait_write();
  void wait_until(std::chrono::steady_clock::time_point time);
  void close();

  asio::io_context& loop_;
  Service& service_;
  int fd_;  // owned until the transport takes it
  asio::posix::stream_descriptor waiter_;
  asio::steady_timer timer_;
  std::unique_ptr<io::PeerConnection> transport_;
  drpc::ServerMachine machine_;
  std::unique_ptr<Call> call_;
  std::string preamble_;
  std::string message_;  // in parts
  Pace pace_;
  std::chrono::steady_clock::time_point call_began_{};
  Stage stage_ = Stage::kPreamble;
  bool read_wait_ = false;
  bool write_wait_ = false;
  bool timer_wait_ = false;
};

}  // namespace sjcp::network
