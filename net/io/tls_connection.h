// Connections over TLS 1.2 or 1.3, both ends with a node identity (protocol notes 5.1 to 5.3).
//
// OpenSSL reads the descriptor itself (read-ahead 64 KiB); with TLS 1.3 what is written is sealed by
// crypto::TlsSealing.  Client: connect, the preamble together with the ClientHello, the TLS handshake, all
// driven by handshake().  X25519 first, AES-128-GCM first (ChaCha20 first without AES instructions), no SNI,
// no tickets.
//
// Threads and errors: as PeerConnection; kIntegrity when the peer's chain or id is wrong, which is found
// before any application byte is sent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/io/endpoint.h"
#include "net/io/identity.h"
#include "net/io/peer_connection.h"

struct ssl_ctx_st;

namespace sjcp::io {

// SSL_CTX of one side, and the peers' chains that it has verified.  Shared by all connections; outlives them.
// Const methods from any thread.
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> client(std::shared_ptr<const Identity> identity);
  // Requires a client certificate chain, as satellites and nodes do.
  static Result<std::shared_ptr<const TlsContext>> server(std::shared_ptr<const Identity> identity);
  ~TlsContext();
  ssl_ctx_st* native() const;
  const Identity& identity() const;
  // Chains seen by all connections of this context, and by whoever else sees some.
  PeerChains& chains() const;

  struct State;

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class TlsConnection final : public PeerConnection {
 public:
  // Begins a non-blocking connect.  `expected`: the id that the peer must have.
  static Result<std::unique_ptr<TlsConnection>> dial(std::shared_ptr<const TlsContext> context,
                                                     const Endpoint& endpoint, const access::NodeId& expected,
                                                     std::string_view preamble);
  // Server side of an accepted socket (non-blocking, owned from here on); the preamble has been read by the
  // caller.
  static Result<std::unique_ptr<TlsConnection>> accept(std::shared_ptr<const TlsContext> context, int fd);
  ~TlsConnection() override;

  int fd() const override;
  const std::string& name() const override;
  bool reached() const override;
  Result<Ready> handshake() override;
  bool connected() const override;
  // At most one TLS record, in `scratch`.
  Result<ReadResult> read(ByteSpan scratch) override;
  bool has_buffered() const override;
  Result<size_t> write(ByteView data, bool more = false) override;
  bool speechless() const override { return false; }
  bool unproven() const override { return !connected(); }
  const std::shared_ptr<const PeerIdentity>& peer() const override;

 private:
  struct State;
  explicit TlsConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What libcrypto uses of this processor, for --version and logs: "AES-NI, AVX2, AVX-512".  Empty when
// unknown.
std::string crypto_capabilities();

}  // namespace sjcp::io
