// One piece being uploaded, without a socket (protocol notes 7.2): limit, one order for the whole limit,
// chunks, the signed hash, and the verification of the node's signed answer.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/crypto/blake3.h"
#include "core/crypto/ed25519.h"
#include "net/drpc/client_machine.h"
#include "net/io/identity.h"
#include "net/storj/wire/orders.pb.h"
#include "net/storj/wire/piecestore.pb.h"

namespace sjcp::storj {

class PieceUpload : public drpc::StreamHandler {
 public:
  // limit and key must outlive this object.  Requires: 0 < piece_size <= limit.limit.
  // separate_limit: the limit goes in a message of its own, as old nodes want it.
  PieceUpload(const pb::OrderLimit& limit, const crypto::Ed25519Key& key, uint64_t piece_size,
              bool separate_limit);

  void start(drpc::ClientMachine& machine);

  // Bytes of the piece not handed over yet.
  uint64_t left() const { return piece_size_ - sent_; }
  uint64_t sent() const { return sent_; }
  // The next `size` bytes of the piece, which `fill` puts in their place, and after the last ones the signed
  // hash.  Requires: 0 < size <= left().
  void send(drpc::ClientMachine& machine, size_t size, const std::function<void(ByteSpan)>& fill);

  // Events of received bytes.  A refusal or an early end is an Error.
  Status receive(drpc::ClientMachine& machine, ByteView input);
  bool answered() const { return response_.has_value(); }

  // Checks the answer: node, piece id, algorithm, hash, size, signature, age.  kIntegrity when any is wrong.
  // `peer`: as the connection knows the node, or null.  `now`: the satellite's time.  Requires: answered().
  Status verify(io::PeerChains& chains, const std::shared_ptr<const io::PeerIdentity>& peer,
                Clock::Wall now) const;
  // The node-signed hash.  Requires: answered().
  const pb::PieceHash& node_hash() const { return response_->done(); }

 private:
  std::string chunk_head(size_t size) const;
  void send_hash(drpc::ClientMachine& machine);
  Status on_message_data(ByteView data, bool last) override;
  void on_end() override;
  void on_error(drpc::RpcError error) override;

  const pb::OrderLimit& limit_;
  const crypto::Ed25519Key& key_;
  const uint64_t piece_size_;
  const bool separate_limit_;
  uint64_t sent_ = 0;
  crypto::Blake3 hasher_;
  std::string hash_;
  std::string reply_;
  std::optional<pb::PieceUploadResponse> response_;
  std::optional<Error> failure_;
};

}  // namespace sjcp::storj
