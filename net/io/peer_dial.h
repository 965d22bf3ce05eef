// Connections to a peer that speaks TLS and Noise alike: which of them, its distance decides.
//
// Noise saves the round trip of a TLS handshake, and .6 ms of processor time.  But ChaCha20-Poly1305, which
// nodes offer, takes three times as long as AES-GCM with VAES: where a round trip is next to nothing, TLS is
// cheaper.  How long it is shows when the TCP connection stands, before the first byte is sent.
#pragma once

#include <memory>
#include <string_view>

#include "core/access/node_id.h"
#include "net/io/endpoint.h"
#include "net/io/noise_connection.h"
#include "net/io/peer_connection.h"
#include "net/io/tls_connection.h"

namespace sjcp::io {

enum class NoiseUse : uint8_t { kNever, kFar, kAlways };

struct PeerDial {
  Endpoint endpoint;
  access::NodeId expected;  // the id that the peer must have
  NoiseInfo noise;          // no protocol: it does not speak it
  NoiseUse use = NoiseUse::kFar;
  std::string_view tls_preamble;  // these outlive the connection
  std::string_view noise_preamble;
};

// Begins a non-blocking connect.  `own` must outlive the connection.  kNetwork.
Result<std::unique_ptr<PeerConnection>> dial_peer(const PeerDial& dial,
                                                  std::shared_ptr<const TlsContext> context,
                                                  const crypto::NoiseKey& own);

}  // namespace sjcp::io
