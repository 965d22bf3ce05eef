#include "net/drpc/server_machine.h"

namespace sjcp::drpc {

namespace {

constexpr size_t kMaxRpcName = 4096;

}  // namespace

void ServerMachine::append(Kind kind, std::initializer_list<ByteView> parts) {
  append_packet(output_, stream_, next_message_++, kind, false, parts, frame_size_);
}

void ServerMachine::message(std::initializer_list<ByteView> parts) {
  if (open_) append(Kind::kMessage, parts);
}

void ServerMachine::message_header(size_t body_size) {
  if (!open_) return;
  output_.append(
      frame_header({stream_, next_message_++, body_size, static_cast<uint8_t>(Kind::kMessage), true, false}));
}

void ServerMachine::error(uint64_t code, std::string_view text) {
  if (!open_) return;
  append(Kind::kError, {ByteView(error_body(code, text))});
  open_ = false;
}

void ServerMachine::close_send() {
  if (!open_ || sent_close_send_) return;
  append(Kind::kCloseSend, {});
  sent_close_send_ = true;
  if (got_close_send_) open_ = false;
}

void ServerMachine::close() {
  if (!open_) return;
  append(Kind::kClose, {});
  open_ = false;
}

Status ServerMachine::receive(ByteView input, ServerHandler& handler) {
  while (true) {
    PacketParser::Part next;
    Result<bool> ready = parser_.next(input, next);
    if (!ready) return ready.error();
    if (!*ready) return {};
    if (Status status = part(next, handler); !status) return status;
  }
}

Status ServerMachine::part(const PacketParser::Part& part, ServerHandler& handler) {
  if (part.stream > stream_) {
    // A Cancel can overtake its Invoke when the client gives up before the first flush.
    if (part.kind == static_cast<uint8_t>(Kind::kCancel)) return {};
    const bool was_open = open_;
    stream_ = part.stream;
    next_message_ = 1;
    open_ = invoked_ = sent_close_send_ = got_close_send_ = in_message_ = false;
    if (was_open) handler.on_end(StreamEnd::kSuperseded);
  }
  const auto kind = static_cast<Kind>(part.kind);
  if (kind == Kind::kInvoke) return invoke_part(part, handler);
  if (kind == Kind::kInvokeMetadata) return {};  // tracing only
  if (!invoked_) {
    if (!part.ends || part.control) return {};
    return make_error(Errc::kProtocol, "DRPC stream " + std::to_string(part.stream) + " without Invoke");
  }
  return open_ ? current_part(part, handler) : Status();
}

Status ServerMachine::invoke_part(const PacketParser::Part& part, ServerHandler& handler) {
  if (invoked_) return make_error(Errc::kProtocol, "DRPC Invoke on a stream that has begun");
  if (part.begins) rpc_.clear();
  rpc_.append(part.data.text());
  if (rpc_.size() > kMaxRpcName) return make_error(Errc::kProtocol, "DRPC rpc name too long");
  if (!part.ends) return {};
  invoked_ = true;
  open_ = true;
  return handler.on_invoke(stream_, rpc_);
}

Status ServerMachine::current_part(const PacketParser::Part& part, ServerHandler& handler) {
  switch (static_cast<Kind>(part.kind)) {
    case Kind::kMessage:
      if (got_close_send_) return make_error(Errc::kProtocol, "DRPC message after CloseSend");
      if (part.begins && in_message_) {
        return make_error(Errc::kProtocol, "DRPC message begins inside another one");
      }
      in_message_ = !part.ends;
      return handler.on_message_data(part.data, part.ends);
    case Kind::kCloseSend:
      if (!part.ends || got_close_send_) return {};
      got_close_send_ = true;
      if (sent_close_send_) open_ = false;
      return handler.on_close_send();
    case Kind::kClose:
    case Kind::kCancel:
    case Kind::kError:
      if (!part.ends) return {};
      open_ = false;
      handler.on_end(static_cast<Kind>(part.kind) == Kind::kClose ? StreamEnd::kClosed
                                                                  : StreamEnd::kCancelled);
      return {};
    case Kind::kInvoke:
    case Kind::kInvokeMetadata:
      break;
  }
  if (!part.ends || part.control) return {};
  return make_error(Errc::kProtocol, "DRPC packet of unknown kind " + std::to_string(part.kind));
}

std::string error_body(uint64_t code, std::string_view text) {
  std::string body;
  for (int shift = 56; shift >= 0; shift -= 8) body.push_back(static_cast<char>(code >> shift));
  body.append(text);
  return body;
}

}  // namespace sjcp::drpc
