// The bytes that satellites, clients and nodes sign, and the keys that they sign with (protocol
// notes 7.4, 5.6).
//
// Threads: everything here may be used from any thread.
#pragma once

#include <memory>
#include <string>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "net/storj/wire/orders.pb.h"

struct evp_pkey_st;

namespace sjcp::network {

// The message without its signature and without unset dates.  Unknown fields of a limit stay in.
std::string signing_bytes(const pb::OrderLimit& limit);
std::string signing_bytes(const pb::Order& order);
std::string signing_bytes(const pb::PieceHash& hash);

// The id of piece `number` of a segment on a node: HMAC-SHA512(root, node id || number, big-endian), 32
// bytes.
std::string derive_piece_id(ByteView root, const access::NodeId& node, int32_t number);

// The Ed25519 key pair that a satellite makes for one set of limits.
struct PieceKey {
  std::string private_key;  // 64 bytes: seed and public key
  std::string public_key;   // 32 bytes

  static PieceKey generate();
};

// Verifies what the holder of a piece key signed.
class PieceKeyVerifier {
 public:
  // Requires nothing of public_key; a malformed one verifies nothing.
  explicit PieceKeyVerifier(ByteView public_key);
  ~PieceKeyVerifier();
  PieceKeyVerifier(PieceKeyVerifier&&) noexcept;
  PieceKeyVerifier& operator=(PieceKeyVerifier&&) noexcept;

  bool verify(ByteView data, ByteView signature) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  std::unique_ptr<evp_pkey_st, FreeKey> key_;
};

// Signs with a piece key, as clients do.  For tests.
std::string sign_with_piece_key(ByteView private_key, ByteView data);

// A peer that signs with its identity's leaf key.  Const methods from any thread.
class Signatory {
 public:
  virtual ~Signatory() = default;
  virtual const access::NodeId& id() const = 0;
  virtual std::string sign(ByteView data) const = 0;
  virtual bool verify(ByteView data, ByteView signature) const = 0;
  virtual std::string chain_der() const = 0;
};

}  // namespace sjcp::network
