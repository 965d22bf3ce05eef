#include "tests/network/orders.h"

#include <algorithm>
#include <numeric>

#include "core/crypto/hash.h"
#include "tests/network/types.h"

namespace sjcp::network {
namespace {

constexpr std::chrono::hours kOrderLifetime{24};
constexpr int32_t kDebounceLimit = 2;

// Eight bytes of expiry, eight random ones.
std::string make_serial(Clock::Wall expires_at) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(expires_at.time_since_epoch()).count();
  std::string serial;
  for (int shift = 56; shift >= 0; shift -= 8) {
    serial.push_back(static_cast<char>(static_cast<uint64_t>(seconds) >> shift));
  }
  return serial + crypto::random_string(8);
}

void describe(pb::AddressedOrderLimit& out, const NodeEntry& node) {
  for (const auto& [key, value] : node.tags) (*out.mutable_tags())[key] = value;
  pb::NodeAddress& address = *out.mutable_storage_node_address();
  address.set_address(node.address);
  address.set_debounce_limit(kDebounceLimit);
  if (node.noise.protocol == crypto::NoiseProtocol::kNone) return;
  address.mutable_noise_info()->set_proto(static_cast<int32_t>(node.noise.protocol));
  address.mutable_noise_info()->set_public_key(node.noise.public_key);
}

}  // namespace

const NodeEntry* NodeDirectory::find(const access::NodeId& id) const {
  for (const NodeEntry& node : nodes_) {
    if (node.signatory->id() == id) return &node;
  }
  return nullptr;
}

std::vector<size_t> NodeDirectory::shuffled(size_t n) const {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::lock_guard lock(mutex_);
  std::shuffle(order.begin(), order.end(), random_);
  return order;
}

std::vector<const NodeEntry*> NodeDirectory::pick(size_t count,
                                                  const std::set<access::NodeId>& excluded) const {
  std::vector<const NodeEntry*> out;
  for (const size_t i : shuffled(nodes_.size())) {
    if (out.size() == count) break;
    if (excluded.count(nodes_[i].signatory->id()) == 0) out.push_back(&nodes_[i]);
  }
  return out;
}

LimitSet OrderIssuer::begin(pb::PieceAction action, std::string root_piece_id, int64_t limit,
                            std::optional<Clock::Wall> piece_expires_at, std::chrono::hours age) const {
  LimitSet set;
  set.created_at = clock_.wall_now() - age;
  set.expires_at = set.created_at + kOrderLifetime;
  set.serial = make_serial(set.expires_at);
  set.root_piece_id = std::move(root_piece_id);
  set.key = PieceKey::generate();
  set.action = action;
  set.limit = limit;
  set.piece_expires_at = piece_expires_at;
  return set;
}

pb::AddressedOrderLimit OrderIssuer::issue(const LimitSet& set, const NodeEntry& node, int32_t number) const {
  pb::AddressedOrderLimit out;
  pb::OrderLimit& limit = *out.mutable_limit();
  const access::NodeId& node_id = node.signatory->id();
  limit.set_serial_number(set.serial);
  limit.set_satellite_id(satellite_->id().view().str());
  limit.set_storage_node_id(node_id.view().str());
  limit.set_piece_id(derive_piece_id(set.root_piece_id, node_id, number));
  limit.set_limit(set.limit);
  limit.set_action(set.action);
  *limit.mutable_piece_expiration() =
      set.piece_expires_at ? to_timestamp(*set.piece_expires_at) : unset_timestamp();
  *limit.mutable_order_expiration() = to_timestamp(set.expires_at);
  *limit.mutable_order_creation() = to_timestamp(set.created_at);
  limit.set_uplink_public_key(set.key.public_key);
  sign(limit);
  describe(out, node);
  return out;
}

pb::AddressedOrderLimit OrderIssuer::reissue(const pb::AddressedOrderLimit& old,
                                             const std::string& root_piece_id, const NodeEntry& node,
                                             int32_t number) const {
  pb::AddressedOrderLimit out;
  *out.mutable_limit() = old.limit();
  out.mutable_limit()->set_storage_node_id(node.signatory->id().view().str());
  out.mutable_limit()->set_piece_id(derive_piece_id(root_piece_id, node.signatory->id(), number));
  describe(out, node);
  return out;
}

void OrderIssuer::sign(pb::OrderLimit& limit) const {
  limit.set_satellite_signature(satellite_->sign(signing_bytes(limit)));
}

}  // namespace sjcp::network
