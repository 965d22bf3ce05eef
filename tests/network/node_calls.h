// A storage node as a service: Upload and Download streams.
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
  std::unique_ptr<Call> open(std::string_view rpc) override;
  bool refuses() const override { return node_.faults().get().refuse; }
  void on_connection() override { ++node_.counters().connections; }
  void on_handshake_failed() override { ++node_.counters().handshakes_failed; }

 private:
  PieceNode& node_;
  const std::shared_ptr<const io::TlsContext> tls_;
  const std::shared_ptr<const io::TlsContext> other_tls_;
};

}  // namespace sjcp::network
