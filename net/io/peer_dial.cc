#include "net/io/peer_dial.h"

#include <chrono>

#include "net/io/peer_socket.h"
#include "net/io/tcp_state.h"

namespace sjcp::io {

namespace {

constexpr auto kFar = std::chrono::milliseconds(2);

// A TCP connection until it stands; then TLS or Noise over it.
class ChoosingConnection final : public PeerConnection {
 public:
  ChoosingConnection(const PeerDial& dial, std::shared_ptr<const TlsContext> context,
                     const crypto::NoiseKey& own, std::unique_ptr<PeerSocket> socket)
      : dial_(dial), context_(std::move(context)), own_(own), socket_(std::move(socket)) {}

  int fd() const override { return chosen_ ? chosen_->fd() : socket_->fd(); }
  const std::string& name() const override { return chosen_ ? chosen_->name() : socket_->name(); }
  bool reached() const override { return chosen_ ? chosen_->reached() : socket_->reached(); }
  bool connected() const override { return chosen_ && chosen_->connected(); }
  Result<ReadResult> read(ByteSpan scratch) override { return chosen_->read(scratch); }
  bool has_buffered() const override { return chosen_ && chosen_->has_buffered(); }
  Result<size_t> write(ByteView data, bool more) override { return chosen_->write(data, more); }
  bool speechless() const override { return chosen_ && chosen_->speechless(); }
  bool unproven() const override { return !chosen_ || chosen_->unproven(); }
  const std::shared_ptr<const PeerIdentity>& peer() const override {
    return chosen_ ? chosen_->peer() : nobody_;
  }

  Result<Ready> handshake() override {
    if (!chosen_) {
      if (!socket_->reached()) return Ready::kWantWrite;
      socket_->check_connected();
      if (socket_->broken()) return socket_->failure("connect");
      if (auto status = choose(); !status) return status.error();
    }
    return chosen_->handshake();
  }

 private:
  Status choose() {
    const auto state = tcp_state(socket_->fd());
    if (dial_.use == NoiseUse::kAlways || (state && state->least >= kFar)) {
      chosen_ = NoiseConnection::over(std::move(socket_), own_, dial_.noise, dial_.noise_preamble);
      return {};
    }
    auto tls = TlsConnection::over(std::move(socket_), context_, dial_.expected, dial_.tls_preamble);
    if (!tls) return std::move(tls).error();
    chosen_ = std::move(*tls);
    return {};
  }

  const PeerDial dial_;
  const std::shared_ptr<const TlsContext> context_;
  const crypto::NoiseKey& own_;
  std::unique_ptr<PeerSocket> socket_;  // until it is chosen
  std::unique_ptr<PeerConnection> chosen_;
  const std::shared_ptr<const PeerIdentity> nobody_;
};

}  // namespace

Result<std::unique_ptr<PeerConnection>> dial_peer(const PeerDial& dial,
                                                  std::shared_ptr<const TlsContext> context,
                                                  const crypto::NoiseKey& own) {
  if (dial.noise.protocol == crypto::NoiseProtocol::kNone || dial.use == NoiseUse::kNever) {
    auto tls = TlsConnection::dial(std::move(context), dial.endpoint, dial.expected, dial.tls_preamble);
    if (!tls) return std::move(tls).error();
    return std::unique_ptr<PeerConnection>(std::move(*tls));
  }
  auto socket = PeerSocket::dial(dial.endpoint, dial.expected);
  if (!socket) return std::move(socket).error();
  return std::unique_ptr<PeerConnection>(
      std::make_unique<ChoosingConnection>(dial, std::move(context), own, std::move(*socket)));
}

}  // namespace sjcp::io
