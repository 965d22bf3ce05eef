// One piece being downloaded, without a socket: the requests to send and the parser of what comes back.
//
// The first message carries the limit, the range and a first order; order_rest() pays for the remainder once
// the piece turned out to be one that is needed (protocol notes 7.3).  Replies are parsed as they arrive,
// payload goes straight to the sink: no message is ever collected.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/ed25519.h"
#include "core/segment/layout.h"
#include "net/drpc/client_machine.h"
#include "net/storj/wire/orders.pb.h"

namespace sjcp::storj {

// Reads the bytes of one PieceDownloadResponse after the other, cut anywhere, and passes on the payload.
class DownloadResponseParser {
 public:
  // Payload inside `input`, in order: calls sink(piece_offset_hint, bytes).  kProtocol on malformed input.
  // `last`: the message ends with this input.
  template <class Sink>
  Status feed(ByteView input, bool last, Sink&& sink);

  // Offset field of the chunk being read.
  int64_t chunk_offset() const { return offset_; }

 private:
  enum class State : uint8_t { kTag, kLength, kSkipVarint, kSkip, kOffset, kData };

  // Consumes bytes up to the end of a varint; true when it is complete.
  bool take_varint(ByteView& input);
  Status on_varint();
  Status on_tag();
  void end_of_field();

  State state_ = State::kTag;
  bool in_chunk_ = false;
  uint8_t field_ = 0;
  uint64_t varint_ = 0;
  unsigned shift_ = 0;
  bool overlong_ = false;
  uint64_t left_ = 0;        // bytes left of the field being skipped or passed on
  uint64_t chunk_left_ = 0;  // bytes left of the chunk message
  int64_t offset_ = 0;
};

class PieceDownload : public drpc::StreamHandler {
 public:
  // Takes payload; called in order while receive() runs.
  class Payload {
   public:
    virtual ~Payload() = default;
    virtual void on_payload(ByteView data) = 0;
  };

  // `range`: bytes of the piece; first_order: bytes to pay for at once (capped to the range).
  // limit and key must outlive this object.
  PieceDownload(const pb::OrderLimit& limit, const crypto::Ed25519Key& key, segment::ByteRange range,
                uint64_t first_order);

  void start(drpc::ClientMachine& machine);
  // Pays for everything that is not ordered yet; no-op when all is.
  void order_rest(drpc::ClientMachine& machine);

  // All events of received bytes; payload goes to `payload`.  An error reply or an early end is an Error
  // here.
  Status receive(drpc::ClientMachine& machine, ByteView input, Payload& payload);

  uint64_t received() const { return received_; }
  uint64_t ordered() const { return ordered_; }
  uint64_t wanted() const { return range_.size(); }
  bool complete() const { return received_ == range_.size(); }

 private:
  Status on_message_data(ByteView data, bool last) override;
  void on_end() override;
  void on_error(drpc::RpcError error) override;

  const pb::OrderLimit& limit_;
  const crypto::Ed25519Key& key_;
  segment::ByteRange range_;
  uint64_t ordered_ = 0;
  uint64_t received_ = 0;
  DownloadResponseParser parser_;
  Payload* payload_ = nullptr;
  std::optional<Error> failure_;
};

template <class Sink>
Status DownloadResponseParser::feed(ByteView input, bool last, Sink&& sink) {
  while (!input.empty()) {
    if (state_ == State::kData || state_ == State::kSkip) {
      size_t n = left_ < input.size() ? static_cast<size_t>(left_) : input.size();
      if (state_ == State::kData) sink(input.sub(0, n));
      input = input.sub(n);
      left_ -= n;
      if (in_chunk_) chunk_left_ -= n;
      if (left_ == 0) end_of_field();
      continue;
    }
    if (!take_varint(input)) break;
    if (auto status = on_varint(); !status) return status;
  }
  if (last) {
    bool clean = state_ == State::kTag && shift_ == 0 && !in_chunk_;
    *this = DownloadResponseParser();
    if (!clean) return make_error(Errc::kProtocol, "piece download reply is cut off");
  }
  return {};
}

}  // namespace sjcp::storj
