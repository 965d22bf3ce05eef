// The client side of a DRPC connection, without a socket: calls in, bytes out; bytes in, events out.
//
// A connection carries one stream at a time (protocol notes 4.3).  The next call may begin when the previous one
// has ended, or to abandon it: cancel() ends it softly, and what still arrives for older streams is dropped, even
// from the middle of a packet.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/drpc/frame.h"

namespace sjcp::drpc {

// A failed call as the peer reports it.
struct RpcError {
  uint64_t code = 0;  // protocol notes 4.4
  std::string text;
};

// What happens on the current stream.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Next bytes of the current message, in order; `last` ends the message (data may then be empty).
  virtual Status on_message_data(ByteView data, bool last) = 0;
  // The peer sends no more messages (CloseSend or Close).
  virtual void on_end() = 0;
  virtual void on_error(RpcError error) = 0;
};

class ClientMachine {
 public:
  // Begins a stream: Invoke goes to output().  Abandons the current one if there is one.
  void invoke(std::string_view rpc);
  // One message, in frames.
  void message(ByteView body);
  // One message given as several pieces that are concatenated; saves the caller a copy.
  void message(std::initializer_list<ByteView> parts);
  void close_send();
  void close();    // ends the stream in good order
  void cancel();   // soft cancel; a no-op when no stream is open

  // True between invoke() and the end: Error or Close received, both sides CloseSend, close() or cancel().
  bool open() const;
  // False when input stopped in the middle of a frame of an old stream or output is half written: callers may
  // still reuse the connection, the machine keeps skipping.
  bool mid_frame() const;

  // Bytes to be written; consume what was written.
  ByteView output() const;
  void consume_output(size_t n);

  // Received bytes.  Events of the current stream go to handler; kProtocol ends the connection; an error returned by
  // the handler is passed through.
  Status receive(ByteView input, StreamHandler& handler);

 private:
  void append(Kind kind, std::initializer_list<ByteView> parts, bool control = false);

  std::string output_;
  size_t output_begin_ = 0;
  uint64_t stream_ = 0;       // current or last stream id
  uint64_t next_message_ = 1;
  bool open_ = false;
  bool sent_close_send_ = false;
  bool got_close_send_ = false;
  FrameParser parser_;
  FrameHeader packet_;        // packet being received
  bool in_packet_ = false;
  bool in_frame_ = false;
  uint64_t packet_size_ = 0;
  uint64_t last_message_ = 0;
  std::string small_;         // body of an Error packet in progress
};

// Body of an Error packet.
RpcError parse_error(ByteView body);

}  // namespace sjcp::drpc
