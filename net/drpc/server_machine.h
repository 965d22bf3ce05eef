// The server side of a DRPC connection, without a socket: bytes in, events out; replies in, bytes out.  For
// the local test network and for tests of the client.
//
// One stream at a time: the first packet of a newer stream ends the current one.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/drpc/frame.h"
#include "net/drpc/output_buffer.h"

namespace sjcp::drpc {

// How the client ended a stream.
enum class StreamEnd : uint8_t {
  kClosed,      // Close
  kCancelled,   // Cancel (soft), or Error
  kSuperseded,  // a newer stream began
};

// What the client does on the current stream.  Calls to the machine are allowed from inside.
class ServerHandler {
 public:
  virtual ~ServerHandler() = default;
  virtual Status on_invoke(uint64_t stream, std::string_view rpc) = 0;
  // Next bytes of the current message, in order; `last` ends the message (data may then be empty).
  virtual Status on_message_data(ByteView data, bool last) = 0;
  // The client sends no more messages.
  virtual Status on_close_send() = 0;
  // The client ended the stream before the server did.  Nothing more comes for it.
  virtual void on_end(StreamEnd how) = 0;
};

class ServerMachine {
 public:
  // frame_size: largest body of a frame of message().
  explicit ServerMachine(size_t frame_size = kFrameSize) : frame_size_(frame_size) {}

  // Received bytes (after the preamble and TLS).  kProtocol ends the connection; so does an error of the
  // handler, which is passed through at once.
  Status receive(ByteView input, ServerHandler& handler);

  // True between on_invoke() and the end of the stream, whoever ends it.
  bool open() const { return open_; }
  uint64_t stream() const { return stream_; }  // current or last

  // What the server sends on the current stream; no-ops when it is not open.
  void message(ByteView body) { message({body}); }
  void message(std::initializer_list<ByteView> parts);
  // The header of a message in one frame, without its body: the caller must put exactly body_size bytes after
  // output(), by append_raw() or straight from its own memory, before it calls anything else that adds
  // output.
  void message_header(size_t body_size);
  void append_raw(ByteView bytes) { output_.append(bytes); }
  void error(uint64_t code, std::string_view text);  // ends the stream
  void close_send();                                 // ends it if the client's CloseSend has come
  void close();                                      // ends the stream

  // Bytes to be written; consume what was written.  The view is valid until the next call that adds output.
  ByteView output() const { return output_.view(); }
  void consume_output(size_t n) { output_.consume(n); }

 private:
  void append(Kind kind, std::initializer_list<ByteView> parts);
  Status part(const PacketParser::Part& part, ServerHandler& handler);
  Status invoke_part(const PacketParser::Part& part, ServerHandler& handler);
  Status current_part(const PacketParser::Part& part, ServerHandler& handler);

  size_t frame_size_;
  OutputBuffer output_;
  PacketParser parser_;
  std::string rpc_;      // body of an Invoke packet in progress
  uint64_t stream_ = 0;  // current or last stream id
  uint64_t next_message_ = 1;
  bool open_ = false;
  bool invoked_ = false;  // stream_ has had its Invoke
  bool sent_close_send_ = false;
  bool got_close_send_ = false;
  bool in_message_ = false;
};

// Body of an Error packet.
std::string error_body(uint64_t code, std::string_view text);

}  // namespace sjcp::drpc
