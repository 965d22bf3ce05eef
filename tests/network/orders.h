// The satellite's order limits: which nodes get or give which pieces, signed by the satellite.
//
// All limits of one answer share a serial number and a piece key; every new answer has its own.
//
// Threads: any.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "net/io/noise_connection.h"
#include "net/storj/wire/orders.pb.h"
#include "tests/network/order_signing.h"

namespace sjcp::network {

struct NodeEntry {
  std::shared_ptr<const Signatory> signatory;
  std::string address;       // host:port
  io::NoiseInfo noise = {};  // no protocol: it does not speak it
  std::map<std::string, std::string> tags = {};
};

// The nodes of the network.  Filled before the satellite answers, fixed from then on.
class NodeDirectory {
 public:
  void add(NodeEntry node) { nodes_.push_back(std::move(node)); }
  size_t size() const { return nodes_.size(); }
  const NodeEntry* find(const access::NodeId& id) const;
  // `count` random nodes outside `excluded`; fewer when there are not so many.
  std::vector<const NodeEntry*> pick(size_t count, const std::set<access::NodeId>& excluded) const;
  // Random order of 0 .. n-1.
  std::vector<size_t> shuffled(size_t n) const;

 private:
  std::vector<NodeEntry> nodes_;
  mutable std::mutex mutex_;
  mutable std::mt19937_64 random_{std::random_device{}()};
};

// What all limits of one answer have in common.
struct LimitSet {
  std::string serial;
  std::string root_piece_id;
  PieceKey key;
  pb::PieceAction action = pb::PIECE_ACTION_INVALID;
  int64_t limit = 0;
  Clock::Wall created_at{};
  Clock::Wall expires_at{};
  std::optional<Clock::Wall> piece_expires_at;
};

class OrderIssuer {
 public:
  OrderIssuer(std::shared_ptr<const Signatory> satellite, const Clock& clock)
      : satellite_(std::move(satellite)), clock_(clock) {}

  // age: how long ago the limits pretend to have been made; they expire a day after that.
  LimitSet begin(pb::PieceAction action, std::string root_piece_id, int64_t limit,
                 std::optional<Clock::Wall> piece_expires_at, std::chrono::hours age) const;
  pb::AddressedOrderLimit issue(const LimitSet& set, const NodeEntry& node, int32_t number) const;
  // The limit of piece `number` moved to another node.
  pb::AddressedOrderLimit reissue(const pb::AddressedOrderLimit& old, const std::string& root_piece_id,
                                  const NodeEntry& node, int32_t number) const;
  void sign(pb::OrderLimit& limit) const;

 private:
  std::shared_ptr<const Signatory> satellite_;
  const Clock& clock_;
};

}  // namespace sjcp::network
