#include "tests/network/network.h"

#include <arpa/inet.h>

#include <array>
#include <map>
#include <thread>

#include "core/access/grant.h"
#include "core/base/wait.h"
#include "core/crypto/hash.h"
#include "net/io/identity.h"
#include "tests/network/node_calls.h"
#include "tests/network/satellite_calls.h"

namespace sjcp::network {
namespace {

// A peer of this network: it signs with its own identity and is verified by what it shows to others.
class IdentitySignatory : public Signatory {
 public:
  IdentitySignatory(std::shared_ptr<const io::Identity> own, std::shared_ptr<const io::PeerIdentity> shown)
      : own_(std::move(own)), shown_(std::move(shown)), chain_(own_->chain_der()) {}

  const access::NodeId& id() const override { return own_->id(); }
  std::string sign(ByteView data) const override { return own_->sign(data); }
  bool verify(ByteView data, ByteView signature) const override {
    return shown_->verify_signature(data, signature);
  }
  std::string chain_der() const override { return chain_; }

 private:
  std::shared_ptr<const io::Identity> own_;
  std::shared_ptr<const io::PeerIdentity> shown_;
  std::string chain_;
};

struct Peer {
  std::shared_ptr<const Signatory> signatory;
  std::shared_ptr<const io::TlsContext> tls;
};

Result<Peer> make_peer() {
  auto identity = io::Identity::generate();
  if (!identity) return identity.error();
  auto shown = io::PeerIdentity::from_chain_der((*identity)->chain_der());
  if (!shown) return shown.error();
  auto tls = io::TlsContext::server(*identity);
  if (!tls) return tls.error();
  return Peer{std::make_shared<IdentitySignatory>(*identity, *shown), *tls};
}

// Gives released pieces back to the nodes that hold them.
class Releaser : public PieceReleaser {
 public:
  void add(PieceNode& node) { nodes_[node.identity().id()] = &node; }

  void release(const std::vector<PieceRef>& pieces, const std::string& serial) override {
    for (const PieceRef& piece : pieces) {
      const auto at = nodes_.find(piece.node);
      if (at == nodes_.end()) continue;
      // Retired first: an upload that ends in between then removes its piece itself.
      if (!serial.empty()) at->second->retire(serial);
      at->second->store().remove(piece.piece_id);
    }
  }

 private:
  std::map<access::NodeId, PieceNode*> nodes_;
};

Result<std::unique_ptr<PieceStore>> make_store(const NetworkOptions& options, size_t node) {
  if (options.folder.empty()) return make_memory_store();
  return make_folder_store(options.folder + "/node" + std::to_string(node));
}

}  // namespace

struct Network::State {
  State(const NetworkOptions& given, const Clock& time, Peer identity)
      : options(given),
        clock(time),
        peer(std::move(identity)),
        satellite(satellite_config(given), peer.signatory, releaser, time),
        metainfo(satellite),
        service(metainfo, peer.tls),
        workers(given.threads != 0 ? given.threads : std::thread::hardware_concurrency()) {}

  static SatelliteConfig satellite_config(const NetworkOptions& options) {
    SatelliteConfig config;
    config.redundancy = options.redundancy;
    config.segment_bytes = options.segment_bytes;
    config.checksums = options.checksums;
    config.project_salt = crypto::random_string(32);
    config.key_head = crypto::random_string(32);
    config.key_secret = crypto::random_string(32);
    return config;
  }

  struct Node {
    std::unique_ptr<PieceNode> node;
    std::unique_ptr<NodeService> service;
    std::unique_ptr<Listener> listener;
  };

  ~State() { stop(); }
  void stop();

  Status add_node(size_t i, const std::shared_ptr<const io::TlsContext>& other_tls);
  // Where node i listens.
  Result<std::string> node_host(size_t i) const;
  uint16_t port(size_t i) const {
    return options.port == 0 ? uint16_t{0} : static_cast<uint16_t>(options.port + i);
  }

  const NetworkOptions options;
  const Clock& clock;
  const Peer peer;
  Releaser releaser;
  std::vector<Node> nodes;  // outlives the satellite, whose objects give pieces back when they go
  SatelliteState satellite;
  Metainfo metainfo;
  SatelliteService service;
  Workers workers;
  std::unique_ptr<Listener> listener;
  crypto::Key default_key = crypto::Key::random();
  std::jthread restart;  // of the satellite; ends before its listener
};

Status Network::State::add_node(size_t i, const std::shared_ptr<const io::TlsContext>& other_tls) {
  auto own = make_peer();
  if (!own) return own.error();
  auto store = make_store(options, i);
  if (!store) return store.error();
  Node out;
  out.node = std::make_unique<PieceNode>(own->signatory, peer.signatory, std::move(*store), clock);
  out.service = std::make_unique<NodeService>(*out.node, own->tls, other_tls);
  const auto host = node_host(i);
  if (!host) return host.error();
  auto opened = Listener::open(workers, *out.service, *host, port(i + 1));
  if (!opened) return opened.error();
  out.listener = std::move(*opened);
  releaser.add(*out.node);
  NodeEntry entry{own->signatory, out.listener->address()};
  if (options.noise) entry.noise = out.service->noise_info();
  if (options.owners > 0) entry.tags["owner"] = "owner" + std::to_string(i % options.owners);
  satellite.nodes.add(std::move(entry));
  nodes.push_back(std::move(out));
  return {};
}

Result<std::string> Network::State::node_host(size_t i) const {
  if (options.node_bind.empty()) return options.bind;
  in_addr address{};
  if (::inet_pton(AF_INET, options.node_bind.c_str(), &address) != 1) {
    return make_error(Errc::kUsage, options.node_bind + ": not an IPv4 address to bind to");
  }
  address.s_addr = htonl(static_cast<uint32_t>(ntohl(address.s_addr) + i));
  std::array<char, INET_ADDRSTRLEN> text{};
  return std::string(::inet_ntop(AF_INET, &address, text.data(), text.size()));
}

Network::Network(std::unique_ptr<State> state) : state_(std::move(state)) {}

Network::~Network() = default;

void Network::State::stop() {
  restart = {};
  // Sockets and what waits for them go before the loops that they belong to.
  workers.stop();
  if (listener != nullptr) listener->shut();
  for (Node& node : nodes) {
    if (node.listener != nullptr) node.listener->shut();
  }
  workers.drain();
  listener.reset();
  for (Node& node : nodes) node.listener.reset();
}

Result<std::unique_ptr<Network>> Network::create(const NetworkOptions& options, const Clock& clock) {
  if (options.nodes < static_cast<size_t>(options.redundancy.total)) {
    return make_error(Errc::kUsage, "--rs needs " + std::to_string(options.redundancy.total) +
                                        " nodes, there are " + std::to_string(options.nodes));
  }
  auto peer = make_peer();
  if (!peer) return peer.error();
  auto other = make_peer();
  if (!other) return other.error();
  auto state = std::make_unique<State>(options, clock, std::move(*peer));
  auto opened = Listener::open(state->workers, state->service, options.bind, state->port(0));
  if (!opened) return opened.error();
  state->listener = std::move(*opened);
  for (size_t i = 0; i < options.nodes; ++i) {
    if (auto added = state->add_node(i, other->tls); !added) return added.error();
  }
  for (const auto& [bucket, placement] : options.placements) {
    state->satellite.placements.set(bucket, placement);
  }
  state->workers.start();
  return std::unique_ptr<Network>(new Network(std::move(state)));
}

std::string Network::satellite_url() const {
  return state_->peer.signatory->id().text() + "@" + state_->listener->address();
}

std::vector<std::string> Network::node_urls() const {
  std::vector<std::string> out;
  for (const auto& node : state_->nodes) {
    out.push_back(node.node->identity().id().text() + "@" + node.listener->address());
  }
  return out;
}

std::string Network::api_key() const {
  return state_->satellite.keys.root().api_key();
}

std::string Network::access_grant() const {
  access::EncryptionStore store;
  store.default_key = state_->default_key;
  store.default_path_cipher =
      state_->options.plain_paths ? crypto::CipherSuite::kNull : crypto::CipherSuite::kAesGcm;
  return access::Grant{satellite_url(), state_->satellite.keys.root(), store}.serialize();
}

size_t Network::size() const {
  return state_->nodes.size();
}
PieceNode& Network::node(size_t i) {
  return *state_->nodes[i].node;
}

void Network::set_faults(size_t node, const NodeFaults& faults) {
  state_->nodes[node].node->faults().set(faults);
  state_->nodes[node].listener->set_down(faults.down);
}

SatelliteState& Network::satellite() {
  return state_->satellite;
}
void Network::set_satellite_down(bool down) {
  state_->restart = {};
  state_->listener->set_down(down);
}
void Network::restart_satellite(std::chrono::milliseconds after) {
  set_satellite_down(true);
  state_->restart = std::jthread([&listener = *state_->listener, after](const std::stop_token& stop) {
    if (wait_unless_stopped(after, stop)) listener.set_down(false);
  });
}
const Metainfo& Network::metainfo() const {
  return state_->metainfo;
}
uint64_t Network::satellite_connections() const {
  return state_->service.connections();
}

void Network::stop() {
  state_->stop();
}

}  // namespace sjcp::network
