#include "net/storj/piece_download.h"

#include <algorithm>

#include "net/storj/order_signing.h"
#include "net/storj/status.h"
#include "net/storj/wire/piecestore.pb.h"

namespace sjcp::storj {
namespace {

constexpr std::string_view kDownloadRpc = "/piecestore.Piecestore/Download";

enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr uint8_t kChunkField = 1;   // PieceDownloadResponse.chunk
constexpr uint8_t kOffsetField = 1;  // Chunk.offset
constexpr uint8_t kDataField = 2;    // Chunk.data

}  // namespace

bool DownloadResponseParser::take_varint(ByteView& input) {
  while (!input.empty()) {
    uint8_t byte = input[0];
    input = input.sub(1);
    if (in_chunk_) {
      if (chunk_left_ == 0) {
        overlong_ = true;
        return true;
      }
      --chunk_left_;
    }
    if (shift_ >= 64) overlong_ = true;
    if (!overlong_) varint_ |= uint64_t{byte & 0x7fu} << shift_;
    shift_ += 7;
    if ((byte & 0x80) == 0) return true;
    if (overlong_) return true;
  }
  return false;
}

Status DownloadResponseParser::on_varint() {
  if (overlong_) return make_error(Errc::kProtocol, "piece download reply is malformed");
  uint64_t value = varint_;
  State state = state_;
  if (state == State::kTag) return on_tag();
  varint_ = 0;
  shift_ = 0;
  if (state == State::kOffset) {
    offset_ = static_cast<int64_t>(value);
    end_of_field();
  } else if (state == State::kSkipVarint) {
    end_of_field();
  } else {  // kLength
    bool chunk = !in_chunk_ && field_ == kChunkField;
    if (in_chunk_ && value > chunk_left_) {
      return make_error(Errc::kProtocol, "piece download reply is malformed");
    }
    if (chunk) {
      in_chunk_ = value != 0;
      chunk_left_ = value;
      state_ = State::kTag;
    } else {
      left_ = value;
      state_ = in_chunk_ && field_ == kDataField ? State::kData : State::kSkip;
      if (left_ == 0) end_of_field();
    }
  }
  return {};
}

Status DownloadResponseParser::on_tag() {
  uint64_t tag = varint_;
  varint_ = 0;
  shift_ = 0;
  field_ = tag >> 3 > 255 ? 255 : static_cast<uint8_t>(tag >> 3);
  switch (tag & 7) {
    case kVarint:
      state_ = in_chunk_ && field_ == kOffsetField ? State::kOffset : State::kSkipVarint;
      return {};
    case kBytes:
      state_ = State::kLength;
      return {};
    case kFixed64:
    case kFixed32:
      left_ = (tag & 7) == kFixed64 ? 8 : 4;
      if (in_chunk_ && left_ > chunk_left_) break;
      state_ = State::kSkip;
      return {};
    default:
      break;
  }
  return make_error(Errc::kProtocol, "piece download reply is malformed");
}

void DownloadResponseParser::end_of_field() {
  state_ = State::kTag;
  if (in_chunk_ && chunk_left_ == 0) in_chunk_ = false;
}

PieceDownload::PieceDownload(const pb::OrderLimit& limit, const crypto::Ed25519Key& key,
                             segment::ByteRange range, uint64_t first_order)
    : limit_(limit), key_(key), range_(range), ordered_(std::min(first_order, range.size())) {}

void PieceDownload::start(drpc::ClientMachine& machine) {
  pb::PieceDownloadRequest request;
  *request.mutable_limit() = limit_;
  *request.mutable_order() = make_order(limit_, static_cast<int64_t>(ordered_), key_);
  request.mutable_chunk()->set_offset(static_cast<int64_t>(range_.begin));
  request.mutable_chunk()->set_chunk_size(static_cast<int64_t>(range_.size()));
  machine.invoke(kDownloadRpc);
  machine.message(ByteView(request.SerializeAsString()));
}

void PieceDownload::order_rest(drpc::ClientMachine& machine) {
  if (ordered_ == range_.size()) return;
  ordered_ = range_.size();
  pb::PieceDownloadRequest request;
  *request.mutable_order() = make_order(limit_, static_cast<int64_t>(ordered_), key_);
  machine.message(ByteView(request.SerializeAsString()));
}

Status PieceDownload::receive(drpc::ClientMachine& machine, ByteView input, Payload& payload) {
  payload_ = &payload;
  Status status = machine.receive(input, *this);
  payload_ = nullptr;
  if (!status) return status;
  if (failure_) return *failure_;
  return {};
}

Status PieceDownload::on_message_data(ByteView data, bool last) {
  bool too_much = false;
  Status status = parser_.feed(data, last, [&](ByteView bytes) {
    if (bytes.size() > range_.size() - received_) {
      too_much = true;
      return;
    }
    received_ += bytes.size();
    payload_->on_payload(bytes);
  });
  if (too_much) return make_error(Errc::kProtocol, "node sends more than was asked for");
  return status;
}

void PieceDownload::on_end() {
  if (!complete() && !failure_) failure_ = make_error(Errc::kNetwork, "node ended the stream early");
}

void PieceDownload::on_error(drpc::RpcError error) {
  failure_ = node_error(error);
}

}  // namespace sjcp::storj
