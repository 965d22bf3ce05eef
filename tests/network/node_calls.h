// A storage node as a service: Upload and Download streams, over TLS and Noise.
#pragma once

#include <memory>

#include "tests/network/piece_node.h"
#include "tests/network/service.h"

namespace sjcp::network {

class NodeService : public Service {
 public:
  // `node` must outlive the service.  other_tls: of an identity that is not the node's.
  NodeService(PieceNode& node, std::shared_ptr<const io::TlsContext> tls,
              std::shared_ptr<const io::TlsContext> other_tls)
      : node_(node), tls_(std::move(tls)), other_tls_(std::move(other_tls)) {}

  std::shared_ptr<const io::TlsContext> tls() override {
    return node_.faults().get().wrong_identity ? other_tls_ : tls_;
  }
  const crypto::NoiseKey* noise() override {
    const NodeFaults faults = node_.faults().get();
    return faults.wrong_identity || faults.new_noise_key ? &other_noise_ : &noise_;
  }
  // What the satellite says of it.
  io::NoiseInfo noise_info() const { return {crypto::NoiseProtocol::kChaChaPoly, noise_.public_key()}; }
  std::unique_ptr<Call> open(std::string_view rpc) override;
  bool refuses() const override { return node_.faults().get().refuse; }
  void on_connection() override { ++node_.counters().connections; }
  void on_noise() override { ++node_.counters().noise_connections; }
  void on_handshake_failed() override { ++node_.counters().handshakes_failed; }

 private:
  PieceNode& node_;
  const std::shared_ptr<const io::TlsContext> tls_;
  const std::shared_ptr<const io::TlsContext> other_tls_;
  const crypto::NoiseKey noise_ = crypto::NoiseKey::generate();
  const crypto::NoiseKey other_noise_ = crypto::NoiseKey::generate();
};

}  // namespace sjcp::network
