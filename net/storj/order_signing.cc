#include "net/storj/order_signing.h"

namespace sjcp::storj {
namespace {

// 0001-01-01, which Go writes for "no time".
constexpr int64_t kUnsetSeconds = -62135596800;

bool unset(const pb::Timestamp& time) {
  return time.seconds() == kUnsetSeconds && time.nanos() == 0;
}

// Byte fields that the network always writes, even when all bytes are zero; an absent one is that many zero
// bytes.
void ensure_size(std::string* field, size_t size) {
  if (field->empty()) field->assign(size, '\0');
}

}  // namespace

std::string signing_bytes(const pb::OrderLimit& limit) {
  pb::OrderLimit copy = limit;
  copy.clear_satellite_signature();
  ensure_size(copy.mutable_serial_number(), 16);
  ensure_size(copy.mutable_satellite_id(), 32);
  ensure_size(copy.mutable_storage_node_id(), 32);
  ensure_size(copy.mutable_piece_id(), 32);
  if (unset(copy.piece_expiration())) copy.clear_piece_expiration();
  if (unset(copy.order_expiration())) copy.clear_order_expiration();
  if (unset(copy.order_creation())) copy.clear_order_creation();
  return copy.SerializeAsString();
}

std::string signing_bytes(const pb::Order& order) {
  pb::Order copy = order;
  copy.clear_uplink_signature();
  ensure_size(copy.mutable_serial_number(), 16);
  return copy.SerializeAsString();
}

std::string signing_bytes(const pb::PieceHash& hash) {
  pb::PieceHash copy = hash;
  copy.clear_signature();
  ensure_size(copy.mutable_piece_id(), 32);
  if (unset(copy.timestamp())) copy.clear_timestamp();
  return copy.SerializeAsString();
}

pb::Order make_order(const pb::OrderLimit& limit, int64_t amount, const crypto::Ed25519Key& key) {
  pb::Order order;
  order.set_serial_number(limit.serial_number());
  order.set_amount(amount);
  order.set_uplink_signature(key.sign(signing_bytes(order)));
  return order;
}

pb::PieceHash make_piece_hash(const pb::OrderLimit& limit, ByteView digest, int64_t piece_size,
                              const crypto::Ed25519Key& key) {
  pb::PieceHash hash;
  hash.set_piece_id(limit.piece_id());
  hash.set_hash(digest.str());
  hash.set_hash_algorithm(kHashAlgorithm);
  hash.set_piece_size(piece_size);
  *hash.mutable_timestamp() = limit.order_creation();
  hash.set_signature(key.sign(signing_bytes(hash)));
  return hash;
}

}  // namespace sjcp::storj
