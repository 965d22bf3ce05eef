// The bytes that satellites, clients and nodes sign (protocol notes 7.4), and the client's orders and piece
// hashes.
//
// Signed bytes are the message's serialization in field order without its signature, timestamps dropped when
// they are the "unset" value.  Unknown fields of an order limit follow, as received.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "core/crypto/ed25519.h"
#include "net/storj/wire/orders.pb.h"

namespace sjcp::storj {

std::string signing_bytes(const pb::OrderLimit& limit);
std::string signing_bytes(const pb::Order& order);
std::string signing_bytes(const pb::PieceHash& hash);

// Signed order for `amount` bytes under the limit's serial number.
pb::Order make_order(const pb::OrderLimit& limit, int64_t amount, const crypto::Ed25519Key& key);
// What pieces are hashed with, as by the network's own client.  A node has to be told, since its own default
// is SHA-256.
inline constexpr pb::PieceHashAlgorithm kHashAlgorithm = pb::PIECE_HASH_BLAKE3;
// Signed hash of an uploaded piece.
pb::PieceHash make_piece_hash(const pb::OrderLimit& limit, ByteView digest, int64_t piece_size,
                              const crypto::Ed25519Key& key);

}  // namespace sjcp::storj
