#include "net/storj/node_connection.h"

#include "net/io/receive_window.h"

namespace sjcp::storj {

Status ConnectionShare::open(size_t needed, const transfer::Context& context) {
  if (context.connections == nullptr) return {};
  auto share = context.connections->open(needed, context.stop);
  if (!share) return std::move(share).error();
  share_ = *std::move(share);
  budget_ = context.connections;
  return {};
}

void ConnectionShare::make_room(drpc::Pool& pool) const {
  if (budget_ != nullptr) pool.keep_at_most(budget_->room());
}

drpc::Peer node_peer(const drpc::Pool& pool, const access::NodeId& id, const pb::NodeAddress& address) {
  using crypto::NoiseProtocol;
  const auto protocol = static_cast<NoiseProtocol>(address.noise_info().proto());
  const std::string& key = address.noise_info().public_key();
  const bool known = protocol == NoiseProtocol::kChaChaPoly || protocol == NoiseProtocol::kAesGcm;
  drpc::Peer peer{id, address.address()};
  if (known && key.size() == crypto::kNoiseKeySize) peer.noise = pool.noise_of(id, {protocol, key});
  return peer;
}

Result<bool> NodeConnection::open(const drpc::Peer& peer, bool fresh) {
  peer_ = peer;
  last_progress = std::chrono::steady_clock::now();
  acknowledged = 0;
  if (!share_.take()) return false;
  if (!fresh) connection_ = pool_.take(peer_);
  reused_ = connection_ != nullptr;
  if (reused_ && context_.queue != nullptr) io::limit_receive_window(transport().fd(), io::kAnyWindow);
  if (!connection_) {
    share_.make_room(pool_);
    auto dialled = pool_.dial(peer_);
    if (!dialled) {
      share_.put_back();
      return std::move(dialled).error();
    }
    connection_ = std::move(*dialled);
  }
  context_.counters->connections_active.fetch_add(1, std::memory_order_relaxed);
  return true;
}

Result<bool> NodeConnection::connect() {
  if (connected()) return true;
  auto ready = transport().handshake();
  if (!ready) return std::move(ready).error();
  if (*ready == io::Ready::kDone) return true;
  watch(*ready == io::Ready::kWantRead, *ready == io::Ready::kWantWrite);
  return false;
}

void NodeConnection::widen() {
  // What nodes may send ahead would come in bursts that no rate limit sees.
  const bool limited =
      context_.throttle != nullptr && context_.throttle->rate() != transfer::Throttle::kNoLimit;
  if (!limited) io::widen_receive_window(transport().fd());
}

bool NodeConnection::noise_failed() {
  const bool failed = peer_.noise.protocol != crypto::NoiseProtocol::kNone && !reused_ && connected() &&
                      transport().unproven();
  if (failed) pool_.noise_failed(peer_.id);
  return failed;
}

void NodeConnection::watch(bool read, bool write) {
  poller_.watch(transport().fd(), token_, read, write);
}

Result<bool> NodeConnection::flush(bool more) {
  for (;;) {
    ByteView output = machine().output();
    if (more) output = output.sub(0, output.size() / io::kRecordSize * io::kRecordSize);
    if (output.empty()) return true;
    auto written = transport().write(output, more);
    if (!written) return std::move(written).error();
    if (*written == 0) return false;
    last_progress = std::chrono::steady_clock::now();
    machine().consume_output(*written);
  }
}

std::unique_ptr<drpc::Connection> NodeConnection::release() {
  poller_.forget(transport().fd());
  context_.counters->connections_active.fetch_sub(1, std::memory_order_relaxed);
  share_.put_back();
  return std::move(connection_);
}

void NodeConnection::drop() {
  if (is_open()) release();
}

void NodeConnection::give_back() {
  pool_.give_back(peer_, release());
  share_.make_room(pool_);
}

void NodeConnection::cancel() {
  if (!connected()) return drop();
  // A half-written frame cannot be taken back (protocol notes 4.3).
  auto flushed = flush();
  if (!flushed || !*flushed) return drop();
  machine().cancel();
  flushed = flush();
  if (flushed && *flushed) return give_back();
  drop();
}

Error NodeConnection::named(Error error) const {
  if (error.what.starts_with(peer_.address + " (node ")) return error;
  if (error.what.starts_with(peer_.address + ": ")) error.what.erase(0, peer_.address.size() + 2);
  return with_context(std::move(error), node_name());
}

std::string NodeConnection::node_name() const {
  return "node " + peer_.id.text() + " (" + peer_.address + ")";
}

}  // namespace sjcp::storj
