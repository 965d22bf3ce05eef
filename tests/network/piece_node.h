// A storage node: what it checks before it takes or gives a piece (protocol notes 7.5), and its counters.
//
// A node trusts one satellite.  A serial number is good for one stream, whatever becomes of that stream.
//
// Threads: any.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/base/clock.h"
#include "net/storj/wire/piecestore.pb.h"
#include "tests/network/misbehaviour.h"
#include "tests/network/order_signing.h"
#include "tests/network/piece_store.h"
#include "tests/network/rpc.h"

namespace sjcp::network {

struct NodeCounters {
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> noise_connections{0};  // of them
  std::atomic<uint64_t> handshakes_failed{0};
  std::atomic<uint64_t> uploads_begun{0};
  std::atomic<uint64_t> uploads_stored{0};
  std::atomic<uint64_t> bytes_stored{0};
  std::atomic<uint64_t> downloads_begun{0};
  std::atomic<uint64_t> downloads_complete{0};  // every byte asked for was sent
  std::atomic<uint64_t> bytes_sent{0};
  std::atomic<uint64_t> put_ordered{0};  // largest order of each upload, summed
  std::atomic<uint64_t> get_ordered{0};  // the same of each download: billed egress
  std::atomic<uint64_t> serials_reused{0};
  std::atomic<uint64_t> rejected{0};  // streams that ended with an error status
};

class PieceNode {
 public:
  // `satellite` verifies limits; `clock` must outlive the node.
  PieceNode(std::shared_ptr<const Signatory> identity, std::shared_ptr<const Signatory> satellite,
            std::unique_ptr<PieceStore> store, const Clock& clock)
      : identity_(std::move(identity)),
        satellite_(std::move(satellite)),
        store_(std::move(store)),
        clock_(clock) {}

  const Signatory& identity() const { return *identity_; }
  const Clock& clock() const { return clock_; }
  PieceStore& store() { return *store_; }
  NodeFaultBox& faults() { return faults_; }
  NodeCounters& counters() { return counters_; }

  // Everything about a limit, its serial number last: that is spent when this passes.
  Check verify_limit(const pb::OrderLimit& limit);
  // One of a stream's orders; `previous` is the largest amount so far.
  Check verify_order(const pb::OrderLimit& limit, const pb::Order& order, int64_t previous,
                     const PieceKeyVerifier& key) const;

  // Keeps a piece, unless its serial has been retired meanwhile.
  Status keep(const pb::OrderLimit& limit, std::string data);
  // No piece with that serial is kept from now on.
  void retire(const std::string& serial);

 private:
  Check verify_dates(const pb::OrderLimit& limit) const;

  const std::shared_ptr<const Signatory> identity_;
  const std::shared_ptr<const Signatory> satellite_;
  const std::unique_ptr<PieceStore> store_;
  const Clock& clock_;
  NodeFaultBox faults_;
  NodeCounters counters_;
  std::mutex mutex_;
  std::set<std::string> used_serials_;
  std::set<std::string> retired_serials_;
};

}  // namespace sjcp::network
