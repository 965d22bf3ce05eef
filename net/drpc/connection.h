// A TLS connection with its DRPC machine, the pool that keeps idle ones, and the blocking unary call.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "net/drpc/client_machine.h"
#include "net/io/noise_connection.h"
#include "net/io/peer_connection.h"
#include "net/io/tls_connection.h"

namespace sjcp::drpc {

// Threads: one at a time.
struct Connection {
  std::unique_ptr<io::PeerConnection> transport;
  ClientMachine machine;
};

// Where a peer is and who it must be.
struct Peer {
  access::NodeId id;
  std::string address;       // host:port
  io::NoiseInfo noise = {};  // how it may be spoken to; TLS when it names no protocol
};

// Idle connections by peer, at most `capacity`, none longer than `idle_limit`.  Takes back only connections
// that can serve another call; what an abandoned call left in flight on them is skipped later.  Any thread.
class Pool {
 public:
  struct Options {
    size_t capacity = 1024;  // idle connections in all; the oldest goes first
    std::chrono::seconds idle_limit{120};
    bool noise = true;  // speak it with peers that offer it
  };
  Pool(std::shared_ptr<const io::TlsContext> context, Options options, const Clock& clock = system_clock());
  ~Pool();

  // An idle, still open connection (the one used last), or null.
  // One that has been idle for longer than `max_idle` is passed over.
  std::unique_ptr<Connection> take(const Peer& peer, std::chrono::seconds max_idle = std::chrono::hours(24));
  // True: take() may well find one.
  bool has(const Peer& peer) const;
  // Begins a new one (not yet connected: call transport->handshake()).  `attempt` picks among the resolved
  // addresses, round and round.
  Result<std::unique_ptr<Connection>> dial(const Peer& peer, unsigned attempt = 0) const;
  // Keeps the connection unless it has output left or a stream open, is unconnected, broke the protocol, or
  // the peer closed it.
  void give_back(const Peer& peer, std::unique_ptr<Connection> connection);

  // Closes the oldest beyond so many.
  void keep_at_most(size_t count);

  size_t idle() const;

  // How the peer is spoken to, of what is said about it: not over Noise when that is not wanted, or has
  // failed.
  io::NoiseInfo noise_of(const access::NodeId& id, io::NoiseInfo offered) const;
  // Its Noise does not work, as when it has a new key that the satellite does not know yet: TLS from now on.
  void noise_failed(const access::NodeId& id);

  // The chains that peers have shown.
  io::PeerChains& chains() const { return context_->chains(); }

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    Clock::Steady since;
  };
  using Dropped = std::vector<std::unique_ptr<Connection>>;
  void drop_expired(Clock::Steady now, Dropped& dropped);
  void drop_oldest(Dropped& dropped);

  std::shared_ptr<const io::TlsContext> context_;
  Options options_;
  const Clock& clock_;
  const crypto::NoiseKey noise_key_ = crypto::NoiseKey::generate();
  mutable std::mutex mutex_;
  std::map<std::string, std::list<Entry>> idle_;  // by peer; the one given back last is at the end
  size_t count_ = 0;
  std::set<access::NodeId> without_noise_;
};

// The outcome of a call that reached the peer.
struct Reply {
  bool ok = false;
  std::string message;  // when ok
  RpcError error;       // otherwise
};

struct CallOptions {
  std::chrono::milliseconds dial_limit{10000};
  std::chrono::milliseconds silence_limit{30000};  // without a byte either way, once the call has begun
  std::chrono::milliseconds call_limit{600000};    // in all, however steadily something comes
  // False for a call that must not reach the peer twice: it only takes a connection that was in use moments
  // ago, and once its request is written it is not sent again.
  bool repeatable = true;
};

// One request, one reply: takes a connection from the pool or dials, and gives it back.  A pooled connection
// that turns out closed before any byte of the reply came is replaced by a fresh one (see repeatable).
// Errors: kNetwork with a fault: kUnreached when nothing was asked, kBroken or kSilent when the outcome is
// unknown; kIntegrity (identity), kProtocol, kCancelled.
Result<Reply> call(Pool& pool, const Peer& peer, std::string_view rpc, ByteView request,
                   const CallOptions& options, const std::stop_token& stop);

}  // namespace sjcp::drpc
