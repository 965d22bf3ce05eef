// The two streams of a storage node as machines without sockets: whole request messages in, replies out.
//
// Both apply the node's faults that concern content; when bytes move is the driver's business.
//
// Threads: one at a time.  The node must outlive its streams.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/crypto/blake3.h"
#include "core/crypto/hash.h"
#include "net/storj/wire/piecestore.pb.h"
#include "tests/network/piece_node.h"

namespace sjcp::network {

// /piecestore.Piecestore/Upload
class UploadStream {
 public:
  explicit UploadStream(PieceNode& node);
  ~UploadStream();

  // How the stream ends: with this PieceUploadResponse, or a failure.
  using End = std::variant<std::string, RpcFailure>;

  // One PieceUploadRequest.  nullopt: more must come.
  std::optional<End> on_message(ByteView message);
  // The client sends no more.
  End on_close_send() const;

  uint64_t received() const { return data_.size(); }  // bytes of the piece

 private:
  Check on_first(const pb::PieceUploadRequest& request);
  Check on_order(const pb::Order& order);
  Check on_chunk(int64_t offset, ByteView data);
  Outcome<std::string> on_done(const pb::PieceHash& done);
  std::string digest();
  std::string reply(const std::string& hash, int64_t size) const;

  PieceNode& node_;
  const NodeFaults faults_;
  std::optional<pb::OrderLimit> limit_;
  std::optional<PieceKeyVerifier> key_;
  pb::PieceHashAlgorithm algorithm_ = pb::PIECE_HASH_SHA256;
  crypto::Sha256 sha256_;
  crypto::Blake3 blake3_;
  std::string data_;
  int64_t ordered_ = 0;
};

// /piecestore.Piecestore/Download
class DownloadStream {
 public:
  explicit DownloadStream(PieceNode& node);
  ~DownloadStream();

  // One PieceDownloadRequest.  A failure ends the stream.
  Check on_message(ByteView message);

  // The next PieceDownloadResponse: `header` and then `data` make up the message.
  struct Message {
    std::string header;
    ByteView data;  // valid until the next call
  };
  // nullopt: nothing is allowed by orders, or all has been sent.  At most max_bytes of the piece.
  std::optional<Message> next(uint64_t max_bytes);
  // True when a fault wants the stream closed here.
  bool cut_short() const;
  uint64_t sent() const { return static_cast<uint64_t>(sent_); }

 private:
  Check on_first(const pb::PieceDownloadRequest& request);
  Check on_order(const pb::Order& order);
  void flip_bits(std::string& data, uint64_t offset) const;

  PieceNode& node_;
  const NodeFaults faults_;
  std::optional<pb::OrderLimit> limit_;
  std::optional<PieceKeyVerifier> key_;
  std::shared_ptr<const StoredPiece> piece_;
  std::string changed_;  // what a fault made of the data
  int64_t begin_ = 0;    // of the piece
  int64_t size_ = 0;
  int64_t sent_ = 0;
  int64_t ordered_ = 0;
  int64_t chunk_ = 1 << 20;
};

}  // namespace sjcp::network
