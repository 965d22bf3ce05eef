// The client side of a DRPC connection, without a socket: calls in, bytes out; bytes in, events out.
//
// A connection carries one stream at a time (protocol notes 4.3).  The next call may begin when the previous
// one has ended, or to abandon it: cancel() ends it softly, and what still arrives for older streams is
// dropped, even from the middle of a packet.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/drpc/frame.h"
#include "net/drpc/output_buffer.h"

namespace sjcp::drpc {

// A failed call as the peer reports it.
struct RpcError {
  uint64_t code = 0;  // protocol notes 4.4
  std::string text;
};

// What happens on the current stream.  Calls to the machine are allowed from inside.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Next bytes of the current message, in order; `last` ends the message (data may then be empty).  A message
  // that the peer leaves unfinished is followed by on_error() or on_end().
  virtual Status on_message_data(ByteView data, bool last) = 0;
  // The peer sends no more messages (CloseSend or Close).
  virtual void on_end() = 0;
  virtual void on_error(RpcError error) = 0;
};

class ClientMachine {
 public:
  // Begins a stream: Invoke goes to output().  Abandons the current one if there is one: the peer takes the
  // new stream's first packet as the cancellation.
  void invoke(std::string_view rpc);
  // One message, in frames.  Requires: open(), not after close_send(), at most kMaxPacketSize bytes.
  void message(ByteView body);
  // One message, in one frame: `head`, and `size` bytes that the caller puts there before the next call.
  ByteSpan message(ByteView head, size_t size);
  void close_send();
  void close();   // ends the stream in good order; a no-op when no stream is open
  void cancel();  // soft cancel; a no-op when no stream is open

  // True between invoke() and the end: Error or Close received, both sides CloseSend, close() or cancel().
  bool open() const { return open_; }
  // True when input stopped in the middle of a frame, or output waits.  Callers may still reuse the
  // connection: the machine goes on skipping what belongs to old streams.
  bool mid_frame() const { return parser_.mid_frame() || !output_.empty(); }
  // True after the peer broke the protocol: the connection is of no use any more.
  bool failed() const { return failed_; }

  // Bytes to be written; consume what was written.  The view is valid until the next call that adds output.
  ByteView output() const { return output_.view(); }
  void consume_output(size_t n) { output_.consume(n); }

  // Received bytes; all of them are taken.  Events of the current stream go to handler.  kProtocol of the
  // machine ends the connection (failed()).  An error returned by the handler cancels the stream softly and
  // is passed through; the connection stays usable.
  Status receive(ByteView input, StreamHandler& handler);

 private:
  void append(Kind kind, ByteView body, bool control = false);
  Status current_part(const PacketParser::Part& part, StreamHandler& handler);
  Status message_part(const PacketParser::Part& part, StreamHandler& handler);

  OutputBuffer output_;
  PacketParser parser_;
  std::string small_;    // body of an Error packet in progress
  uint64_t stream_ = 0;  // current or last stream id
  uint64_t next_message_ = 1;
  bool open_ = false;
  bool sent_close_send_ = false;
  bool got_close_send_ = false;
  bool in_message_ = false;  // a message has begun and not ended
  bool failed_ = false;
};

// Body of an Error packet.  Fewer than 8 bytes: code 0 and the bytes as text.
RpcError parse_error(ByteView body);

}  // namespace sjcp::drpc
