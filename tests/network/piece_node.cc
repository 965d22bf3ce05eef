#include "tests/network/piece_node.h"

#include "tests/network/types.h"

namespace sjcp::network {
namespace {

constexpr std::chrono::hours kGracePeriod{1};

RpcFailure invalid(std::string text) {
  return failure(code::kInvalidArgument, std::move(text));
}

std::string id_text(const std::string& bytes) {
  const auto id = access::NodeId::from_bytes(bytes);
  return id ? id->text() : "?";
}

}  // namespace

Check PieceNode::verify_dates(const pb::OrderLimit& limit) const {
  const Clock::Wall now = clock_.wall_now();
  const auto expired = [&](bool present, const pb::Timestamp& time) {
    return present && is_set(time) && to_wall(time) < now;
  };
  if (expired(limit.has_piece_expiration(), limit.piece_expiration())) return invalid("piece expired");
  if (expired(limit.has_order_expiration(), limit.order_expiration())) return invalid("order expired");
  const Clock::Wall created = to_wall(limit.order_creation());
  if (now - created > kGracePeriod) return invalid("order created too long ago");
  if (created - now > kGracePeriod) return invalid("order created too far in the future");
  return {};
}

Check PieceNode::verify_limit(const pb::OrderLimit& limit) {
  if (limit.limit() < 0) return invalid("order limit is negative");
  if (limit.storage_node_id() != identity_->id().view().str()) {
    return invalid("order intended for other storagenode: " + id_text(limit.storage_node_id()));
  }
  if (auto failed = verify_dates(limit)) return failed;
  if (limit.satellite_id().empty()) return invalid("missing satellite id");
  if (limit.uplink_public_key().empty()) return invalid("missing uplink public key");
  if (limit.satellite_signature().empty()) return invalid("missing satellite signature");
  if (limit.piece_id().empty()) return invalid("missing piece id");
  if (limit.satellite_id() != satellite_->id().view().str()) {
    return failure(code::kPermissionDenied, "satellite " + id_text(limit.satellite_id()) + " is untrusted");
  }
  if (!satellite_->verify(signing_bytes(limit), limit.satellite_signature())) {
    return failure(
        code::kUnauthenticated,
        "untrusted: invalid order limit signature: signature verification: signature is not valid");
  }
  std::lock_guard lock(mutex_);
  if (!used_serials_.insert(limit.serial_number()).second) {
    ++counters_.serials_reused;
    return failure(code::kUnauthenticated, "used serial already exists in store");
  }
  return {};
}

Check PieceNode::verify_order(const pb::OrderLimit& limit, const pb::Order& order, int64_t previous,
                              const PieceKeyVerifier& key) const {
  if (order.serial_number() != limit.serial_number()) {
    return invalid("order serial number changed during upload");
  }
  if (order.amount() < previous) {
    return invalid("order contained smaller amount=" + std::to_string(order.amount()) +
                   ", previous=" + std::to_string(previous));
  }
  if (order.amount() > limit.limit()) {
    return invalid("order exceeded allowed amount=" + std::to_string(order.amount()) +
                   ", limit=" + std::to_string(limit.limit()));
  }
  if (!key.verify(signing_bytes(order), order.uplink_signature())) {
    return failure(code::kUnauthenticated, "signing: piece key: invalid signature");
  }
  return {};
}

Status PieceNode::keep(const pb::OrderLimit& limit, std::string data) {
  const size_t size = data.size();
  if (auto put = store_->put(limit.piece_id(), std::move(data)); !put) return put;
  ++counters_.uploads_stored;
  counters_.bytes_stored += size;
  std::lock_guard lock(mutex_);
  if (retired_serials_.count(limit.serial_number()) != 0) store_->remove(limit.piece_id());
  return {};
}

void PieceNode::retire(const std::string& serial) {
  std::lock_guard lock(mutex_);
  retired_serials_.insert(serial);
}

}  // namespace sjcp::network
