// Connections over Noise_IK: what a node whose key the satellite has told may be asked without the round trip
// of a TLS handshake (protocol notes 5.4).
//
// The first bytes that are written travel inside the handshake's first message, which a listener could send
// again: only calls that are safe to replay may be made.  The node is known by its key, so there is no
// certificate.  Frames are `80 | length, 24 bits | message`.  What has been sealed together is opened in its
// place and handed out without a copy; the buffer, at most a frame, lives only while one is under way.
//
// Threads and errors: as PeerConnection.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/access/node_id.h"
#include "core/crypto/noise.h"
#include "net/io/endpoint.h"
#include "net/io/peer_connection.h"

namespace sjcp::io {

// What a satellite says of a node's Noise.
struct NoiseInfo {
  crypto::NoiseProtocol protocol = crypto::NoiseProtocol::kNone;
  std::string public_key;  // 32 bytes

  friend bool operator==(const NoiseInfo&, const NoiseInfo&) = default;
};

class NoiseConnection final : public PeerConnection {
 public:
  // Begins a non-blocking connect.  `own` must outlive the connection; `id`: for messages.
  static Result<std::unique_ptr<NoiseConnection>> dial(const crypto::NoiseKey& own, const Endpoint& endpoint,
                                                       const access::NodeId& id, const NoiseInfo& node,
                                                       std::string_view preamble);
  // Server side of an accepted socket (non-blocking, owned from here on); the preamble has been read by the
  // caller.  `own` must outlive the connection.
  static std::unique_ptr<NoiseConnection> accept(crypto::NoiseProtocol protocol, const crypto::NoiseKey& own,
                                                 int fd);
  ~NoiseConnection() override;

  int fd() const override;
  const std::string& name() const override;
  bool reached() const override;
  // Done when the TCP connection stands.
  Result<Ready> handshake() override;
  bool connected() const override;
  Result<ReadResult> read(ByteSpan scratch) override;
  bool has_buffered() const override;
  Result<size_t> write(ByteView data, bool more = false) override;
  bool speechless() const override;
  bool unproven() const override;
  const std::shared_ptr<const PeerIdentity>& peer() const override;

 private:
  struct State;
  explicit NoiseConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::io
