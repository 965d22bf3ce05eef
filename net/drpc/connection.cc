#include "net/drpc/connection.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "net/io/poller.h"

namespace sjcp::drpc {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;

// Addresses of one peer that a call tries, so that a long list of dead ones leaves each some time.
constexpr size_t kMaxAddresses = 4;

// A connection that was in use this recently is still known to every router on the way.
constexpr std::chrono::seconds kFreshEnough{20};

std::string key_of(const Peer& peer) {
  return peer.id.view().str() + peer.address;
}

// The peer has not ended the connection.  Bytes that wait unread are no harm: late packets of an abandoned
// call.
bool still_open(const Connection& connection) {
  pollfd poll_fd{connection.transport->fd(), POLLRDHUP, 0};
  return ::poll(&poll_fd, 1, 0) == 0;
}

// What the connection can take at once.  False: it failed or output is left.
bool flush_now(Connection& connection) {
  while (!connection.machine.output().empty()) {
    const Result<size_t> taken = connection.transport->write(connection.machine.output());
    if (!taken || *taken == 0) return false;
    connection.machine.consume_output(*taken);
  }
  return true;
}

}  // namespace

// ---- Pool ----

Pool::Pool(std::shared_ptr<const io::TlsContext> context, Options options, const Clock& clock)
    : context_(std::move(context)), options_(options), clock_(clock) {}

Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::take(const Peer& peer, std::chrono::seconds max_idle) {
  Dropped dropped;  // declared before the lock: connections close after it is released
  const std::lock_guard lock(mutex_);
  const Clock::Steady now = clock_.steady_now();
  drop_expired(now, dropped);
  const auto found = idle_.find(key_of(peer));
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<Connection> taken;
  std::list<Entry>& entries = found->second;
  while (taken == nullptr && !entries.empty()) {
    // The last is the youngest: when it is too old, so are the others.
    if (now - entries.back().since > max_idle) return nullptr;
    taken = std::move(entries.back().connection);
    entries.pop_back();
    --count_;
    if (!still_open(*taken)) dropped.push_back(std::move(taken));
  }
  if (entries.empty()) idle_.erase(found);
  return taken;
}

Result<std::unique_ptr<Connection>> Pool::dial(const Peer& peer, unsigned attempt) const {
  const Result<std::vector<io::Endpoint>> endpoints = io::resolve(peer.address);
  if (!endpoints) return endpoints.error();
  const io::Endpoint& endpoint = (*endpoints)[attempt % endpoints->size()];
  auto connection = std::make_unique<Connection>();
  const auto keep = [&connection](auto dialled) -> Status {
    if (!dialled) return std::move(dialled).error();
    connection->transport = std::move(*dialled);
    return {};
  };
  const bool noise = peer.noise.protocol != crypto::NoiseProtocol::kNone;
  const Status status =
      noise ? keep(io::NoiseConnection::dial(noise_key_, endpoint, peer.id, peer.noise, kNoisePreamble))
            : keep(io::TlsConnection::dial(context_, endpoint, peer.id, kPreamble));
  if (!status) return status.error();
  spdlog::debug("{}: connecting, {}", connection->transport->name(), noise ? "Noise" : "TLS");
  return connection;
}

void Pool::give_back(const Peer& peer, std::unique_ptr<Connection> connection) {
  if (connection == nullptr || !connection->transport->connected()) return;
  const ClientMachine& machine = connection->machine;
  if (machine.failed() || machine.open() || !machine.output().empty() || !still_open(*connection)) return;
  Dropped dropped;
  const std::lock_guard lock(mutex_);
  const Clock::Steady now = clock_.steady_now();
  drop_expired(now, dropped);
  idle_[key_of(peer)].push_back({std::move(connection), now});
  ++count_;
  if (count_ > options_.capacity) drop_oldest(dropped);
}

bool Pool::has(const Peer& peer) const {
  const std::lock_guard lock(mutex_);
  return idle_.contains(key_of(peer));
}

void Pool::keep_at_most(size_t count) {
  Dropped dropped;
  const std::lock_guard lock(mutex_);
  while (count_ > count) drop_oldest(dropped);
}

io::NoiseInfo Pool::noise_of(const access::NodeId& id, io::NoiseInfo offered) const {
  if (!options_.noise) return {};
  const std::lock_guard lock(mutex_);
  return without_noise_.contains(id) ? io::NoiseInfo{} : std::move(offered);
}

void Pool::noise_failed(const access::NodeId& id) {
  const std::lock_guard lock(mutex_);
  without_noise_.insert(id);
}

size_t Pool::idle() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

void Pool::drop_expired(Clock::Steady now, Dropped& dropped) {
  for (auto peer = idle_.begin(); peer != idle_.end();) {
    std::list<Entry>& entries = peer->second;
    while (!entries.empty() && now - entries.front().since >= options_.idle_limit) {
      dropped.push_back(std::move(entries.front().connection));
      entries.pop_front();
      --count_;
    }
    peer = entries.empty() ? idle_.erase(peer) : std::next(peer);
  }
}

void Pool::drop_oldest(Dropped& dropped) {
  const auto oldest = std::min_element(idle_.begin(), idle_.end(), [](const auto& a, const auto& b) {
    return a.second.front().since < b.second.front().since;
  });
  dropped.push_back(std::move(oldest->second.front().connection));
  oldest->second.pop_front();
  --count_;
  if (oldest->second.empty()) idle_.erase(oldest);
}

// ---- call ----

namespace {

// Collects the one reply of a unary call.
class ReplyCollector : public StreamHandler {
 public:
  Status on_message_data(ByteView data, bool last) override {
    begun_ = true;
    if (done_) return {};
    reply_.message.append(data.text());
    if (last) reply_.ok = done_ = true;
    return {};
  }
  void on_end() override { ended_ = true; }
  void on_error(RpcError error) override {
    begun_ = true;
    if (done_) return;
    reply_ = {false, {}, std::move(error)};
    done_ = true;
  }

  bool begun() const { return begun_; }              // a byte of the reply has come
  bool done() const { return done_; }                // the reply is whole
  bool finished() const { return done_ || ended_; }  // nothing more is worth waiting for
  Reply& reply() { return reply_; }

 private:
  Reply reply_;
  bool begun_ = false;
  bool done_ = false;
  bool ended_ = false;
};

std::string seconds_text(std::chrono::milliseconds limit) {
  std::string text = std::to_string(limit.count() / 1000);
  if (const auto rest = limit.count() % 1000; rest != 0)
    text.append(".").append(std::to_string(1000 + rest), 1);
  return text + " s";
}

bool timed_out(const Error& error) {
  return error.code == Errc::kNetwork && error.cause == ETIMEDOUT;
}

Status finish_handshake(io::PeerConnection& transport, Deadline deadline, const std::stop_token& stop) {
  while (true) {
    const Result<io::Ready> ready = transport.handshake();
    if (!ready) return ready.error();
    if (*ready == io::Ready::kDone) return {};
    if (Status status = io::wait_ready(transport.fd(), *ready, deadline, stop); !status) {
      return with_context(status.error(), transport.name());
    }
  }
}

// A new connection, over the peer's addresses in turn; each gets an equal share of the time that is left.
Result<std::unique_ptr<Connection>> connect(const Pool& pool, const Peer& peer,
                                            std::chrono::milliseconds limit, const std::stop_token& stop) {
  const Deadline deadline = SteadyClock::now() + limit;
  const Result<std::vector<io::Endpoint>> endpoints = io::resolve(peer.address);
  if (!endpoints) return endpoints.error();
  const size_t tries = std::min(endpoints->size(), kMaxAddresses);
  Error error;
  for (size_t i = 0; i < tries; ++i) {
    const auto now = SteadyClock::now();
    const Deadline share = now + (deadline - now) / static_cast<int>(tries - i);
    Result<std::unique_ptr<Connection>> connection = pool.dial(peer, static_cast<unsigned>(i));
    if (!connection) {
      error = connection.error();
      continue;
    }
    const Status status = finish_handshake(*(*connection)->transport, share, stop);
    if (status) return connection;
    error = status.error();
    if (timed_out(error))
      error.what = (*connection)->transport->name() + ": no connection within " + seconds_text(limit);
    // Whatever ended it, nothing has been asked yet.
    if (error.fault != Fault::kNone) error.fault = Fault::kUnreached;
    // Another address of the same peer mends a dead route, not a wrong identity.
    if (error.code != Errc::kNetwork) break;
  }
  return error;
}

// Reads what has arrived.  True: more may come.  False: the peer closed the connection.
Result<bool> read_available(Connection& connection, ReplyCollector& collector) {
  std::array<uint8_t, 16384> buffer;
  do {
    const Result<io::PeerConnection::ReadResult> got = connection.transport->read(buffer);
    if (!got) return got.error();
    if (got->eof) return false;
    if (got->data.empty()) return true;
    if (Status status = connection.machine.receive(got->data, collector); !status) {
      return with_context(status.error(), connection.transport->name());
    }
    // Once the reply is there, only what came together with it is looked at.
  } while (!collector.finished() || connection.transport->has_buffered());
  return true;
}

Status exchange(Connection& connection, ReplyCollector& collector, const CallOptions& options,
                const std::stop_token& stop) {
  const Deadline end = SteadyClock::now() + options.call_limit;
  while (true) {
    while (!connection.machine.output().empty()) {
      const Result<size_t> taken = connection.transport->write(connection.machine.output());
      if (!taken) return taken.error();
      if (*taken == 0) break;
      connection.machine.consume_output(*taken);
    }
    const Result<bool> more = read_available(connection, collector);
    if (!more) return more.error();
    if (collector.finished()) return {};
    if (!*more)
      return make_error(Errc::kNetwork,
                        connection.transport->name() + ": closed the connection before the reply", 0,
                        Fault::kBroken);
    const bool write = !connection.machine.output().empty();
    const Deadline deadline = std::min(end, SteadyClock::now() + options.silence_limit);
    if (Status status = io::wait_ready(connection.transport->fd(), true, write, deadline, stop); !status) {
      return with_context(status.error(), connection.transport->name());
    }
  }
}

Error describe(Error error, std::string_view rpc, const Connection& connection,
               std::chrono::milliseconds limit) {
  if (timed_out(error))
    error.what = connection.transport->name() + ": no reply within " + seconds_text(limit);
  error.what.append(" (").append(rpc).append(")");
  return error;
}

Result<Reply> ask(Pool& pool, const Peer& peer, std::string_view rpc, ByteView request,
                  const CallOptions& options, const std::stop_token& stop) {
  std::unique_ptr<Connection> connection =
      options.repeatable ? pool.take(peer) : pool.take(peer, kFreshEnough);
  while (true) {
    const bool pooled = connection != nullptr;
    if (!pooled) {
      Result<std::unique_ptr<Connection>> fresh = connect(pool, peer, options.dial_limit, stop);
      if (!fresh) return std::move(fresh).error();
      connection = std::move(*fresh);
    }
    ClientMachine& machine = connection->machine;
    machine.invoke(rpc);
    machine.message(request);
    machine.close_send();
    ReplyCollector collector;
    const Status status = exchange(*connection, collector, options, stop);
    if (!status) {
      Error error =
          describe(status.error(), rpc, *connection, std::min(options.silence_limit, options.call_limit));
      const bool unseen = options.repeatable || !machine.output().empty();
      if (pooled && unseen && !collector.begun() && error.code == Errc::kNetwork && !timed_out(error)) {
        connection = nullptr;
        continue;
      }
      // A call that is given up leaves its connection usable; after a time-out the peer or the way to it is
      // dead.
      machine.cancel();
      if (error.code == Errc::kCancelled && flush_now(*connection))
        pool.give_back(peer, std::move(connection));
      return error;
    }
    machine.close();
    const std::string name = connection->transport->name();
    if (flush_now(*connection)) pool.give_back(peer, std::move(connection));
    if (collector.done()) return std::move(collector.reply());
    return make_error(Errc::kNetwork, name + ": ended the call without a reply (" + std::string(rpc) + ")", 0,
                      Fault::kBroken);
  }
}

}  // namespace

Result<Reply> call(Pool& pool, const Peer& peer, std::string_view rpc, ByteView request,
                   const CallOptions& options, const std::stop_token& stop) {
  const auto begun = SteadyClock::now();
  auto reply = ask(pool, peer, rpc, request, options, stop);
  if (spdlog::should_log(spdlog::level::debug)) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begun);
    const std::string outcome = !reply      ? reply.error().what
                                : reply->ok ? "answered"
                                            : "refused, " + reply->error.text;
    spdlog::debug("{} {}: {} in {} ms", peer.address, rpc, outcome, took.count());
  }
  return reply;
}

}  // namespace sjcp::drpc
