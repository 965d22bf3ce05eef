// The connection to one node for the time of one piece: taken from the pool or dialled, watched by the poller
// of its segment, counted, and given back.  What a race and a spread have in common.
//
// Threads: one, the segment's.
#pragma once

#include <chrono>
#include <memory>

#include "core/base/result.h"
#include "core/transfer/context.h"
#include "net/drpc/connection.h"
#include "net/io/poller.h"
#include "net/storj/wire/orders.pb.h"

namespace sjcp::storj {

// The connections that one segment may open, out of those that the process may.
class ConnectionShare {
 public:
  // Waits until the `needed` ones that it cannot do without are free.  kCancelled when stopped meanwhile.
  Status open(size_t needed, const transfer::Context& context);
  bool take() { return budget_ == nullptr || share_.take(); }
  void put_back() { share_.put_back(); }
  // Idle connections of the pool count, too: the oldest make place.
  void make_room(drpc::Pool& pool) const;

 private:
  transfer::ConnectionBudget* budget_ = nullptr;  // null: no limit
  transfer::ConnectionBudget::Share share_;
};

// The node of a limit, and how it may be spoken to.
drpc::Peer node_peer(const drpc::Pool& pool, const access::NodeId& id, const pb::NodeAddress& address);

class NodeConnection {
 public:
  // `token` comes back in the poller's events; `share`: what the segment may open.  All references must
  // outlive this object.
  NodeConnection(drpc::Pool& pool, io::Poller& poller, const transfer::Context& context,
                 ConnectionShare& share, uint64_t token)
      : pool_(pool), poller_(poller), context_(context), share_(share), token_(token) {}
  ~NodeConnection() { drop(); }
  NodeConnection(const NodeConnection&) = delete;
  NodeConnection& operator=(const NodeConnection&) = delete;

  // Takes an idle connection, unless `fresh`, or begins a new one; then connect() until it returns true.
  // False: the segment may open no more now; another that closes makes place.  Requires: closed.
  Result<bool> open(const drpc::Peer& peer, bool fresh);
  // Goes on with dialling and the handshake, and watches for what it waits for.  True: calls may begin.
  Result<bool> connect();

  bool is_open() const { return connection_ != nullptr; }
  // Requires: is_open().
  bool reached() const { return connection_->transport->reached(); }
  bool connected() const { return is_open() && connection_->transport->connected(); }
  // It had served others before: it may have died while it was idle.
  bool reused() const { return reused_; }
  const drpc::Peer& peer() const { return peer_; }
  drpc::ClientMachine& machine() { return connection_->machine; }
  io::PeerConnection& transport() { return *connection_->transport; }

  void watch(bool read, bool write);
  // See io::widen_receive_window; a no-op under a rate limit.  Requires: is_open().
  void widen();

  // The node must answer before it can be told more: until then flush() waits for reading.
  bool speechless() const { return connection_->transport->speechless(); }
  // A fresh connection over Noise that ended before the node showed its key: it may have another one by now.
  // Tells the pool, and peers made from then on are spoken to over TLS.  Requires: is_open().
  bool noise_failed();

  // Writes what the machine has to say, as far as the socket takes it.  True: all of it.  With `more`, what
  // does not fill a record stays for the next call: a small record costs nearly as much as a large one.
  Result<bool> flush(bool more = false);

  // Closes it for good.  A no-op when closed.
  void drop();
  // The call has ended or was cancelled and all output is written: keeps it for others.  Requires:
  // connected().
  void give_back();
  // Cancels the call softly and keeps the connection, or drops it when a frame is half written.
  void cancel();

  // Of the last connection, for messages: "node <id> (<address>)".
  std::string node_name() const;
  // The error with the node's name, which those of the connection itself have already.
  Error named(Error error) const;

  std::chrono::steady_clock::time_point last_progress;  // set by open(); the owner moves it on
  uint64_t acknowledged = 0;                            // bytes, when the owner last looked; set by open()

 private:
  std::unique_ptr<drpc::Connection> release();

  drpc::Pool& pool_;
  io::Poller& poller_;
  const transfer::Context& context_;
  ConnectionShare& share_;
  const uint64_t token_;
  drpc::Peer peer_;
  std::unique_ptr<drpc::Connection> connection_;
  bool reused_ = false;
};

}  // namespace sjcp::storj
