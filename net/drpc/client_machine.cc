#include "net/drpc/client_machine.h"

namespace sjcp::drpc {

namespace {

// What is kept of an error's text.  Peers send a line; a packet could carry 4 MiB.
constexpr size_t kMaxErrorBody = 64 << 10;

constexpr uint64_t kCodeCancelled = 2;

}  // namespace

void ClientMachine::invoke(std::string_view rpc) {
  ++stream_;
  next_message_ = 1;
  open_ = true;
  sent_close_send_ = false;
  got_close_send_ = false;
  in_message_ = false;
  small_.clear();
  append(Kind::kInvoke, ByteView(rpc));
}

void ClientMachine::message(ByteView body) {
  append(Kind::kMessage, body);
}

ByteSpan ClientMachine::message(ByteView head, size_t size) {
  const size_t length = head.size() + size;
  const std::string frame =
      frame_header({stream_, next_message_++, length, static_cast<uint8_t>(Kind::kMessage), true, false});
  output_.reserve(frame.size() + length);
  output_.append(frame);
  output_.append(head);
  return output_.extend(size);
}

void ClientMachine::close_send() {
  if (!open_ || sent_close_send_) return;
  append(Kind::kCloseSend, {});
  sent_close_send_ = true;
  if (got_close_send_) open_ = false;
}

void ClientMachine::close() {
  if (!open_) return;
  append(Kind::kClose, {});
  open_ = false;
}

void ClientMachine::cancel() {
  if (!open_) return;
  append(Kind::kCancel, {}, true);
  open_ = false;
}

void ClientMachine::append(Kind kind, ByteView body, bool control) {
  append_packet(output_, stream_, next_message_++, kind, control, {body});
}

Status ClientMachine::receive(ByteView input, StreamHandler& handler) {
  Status outcome;
  while (true) {
    PacketParser::Part part;
    Result<bool> ready = parser_.next(input, part);
    Status status;
    if (!ready) {
      status = ready.error();
    } else if (!*ready) {
      return outcome;
    } else if (part.stream > stream_) {
      status =
          make_error(Errc::kProtocol, "DRPC stream " + std::to_string(part.stream) + " was never opened");
    }
    if (!status) {
      failed_ = true;
      open_ = false;
      return status;
    }
    // Late packets of streams that are over are normal: the peer may have sent megabytes before it saw the
    // end.
    if (part.stream < stream_ || !open_) continue;
    if (Status handled = current_part(part, handler); !handled) {
      if (failed_) return handled;
      outcome = std::move(handled);
      cancel();
    }
  }
}

Status ClientMachine::current_part(const PacketParser::Part& part, StreamHandler& handler) {
  switch (static_cast<Kind>(part.kind)) {
    case Kind::kMessage:
      return message_part(part, handler);
    case Kind::kError:
      if (part.begins) small_.clear();
      if (small_.size() < kMaxErrorBody)
        small_.append(part.data.text().substr(0, kMaxErrorBody - small_.size()));
      if (!part.ends) return {};
      open_ = false;
      handler.on_error(parse_error(small_));
      return {};
    case Kind::kCancel:
      if (!part.ends) return {};
      open_ = false;
      handler.on_error(RpcError{kCodeCancelled, "cancelled by the peer"});
      return {};
    case Kind::kClose:
      if (!part.ends) return {};
      open_ = false;
      // After CloseSend the handler knows already.
      if (!got_close_send_) handler.on_end();
      return {};
    case Kind::kCloseSend:
      if (!part.ends || got_close_send_) return {};
      got_close_send_ = true;
      if (sent_close_send_) open_ = false;
      handler.on_end();
      return {};
    case Kind::kInvoke:
    case Kind::kInvokeMetadata:
      break;
  }
  // The flag may come with any frame of the packet, so the verdict waits for its end.
  if (!part.ends || (part.control && part.kind != static_cast<uint8_t>(Kind::kInvoke))) return {};
  failed_ = true;
  open_ = false;
  return make_error(Errc::kProtocol, "DRPC packet of unexpected kind " + std::to_string(part.kind));
}

Status ClientMachine::message_part(const PacketParser::Part& part, StreamHandler& handler) {
  if (got_close_send_) return {};
  // Only an Error, Cancel or Close may cut a message short; a second message would be taken for its rest.
  if (part.begins && in_message_) {
    failed_ = true;
    open_ = false;
    return make_error(Errc::kProtocol, "DRPC message begins inside another one");
  }
  in_message_ = !part.ends;
  return handler.on_message_data(part.data, part.ends);
}

RpcError parse_error(ByteView body) {
  constexpr size_t kCodeSize = 8;
  if (body.size() < kCodeSize) return {0, body.str()};
  RpcError error;
  for (const uint8_t byte : body.sub(0, kCodeSize)) error.code = error.code << 8 | byte;
  error.text = body.sub(kCodeSize).str();
  return error;
}

}  // namespace sjcp::drpc
