// One non-blocking TCP + TLS connection to or from a peer with a node identity.
//
// OpenSSL reads the descriptor itself (read-ahead 64 KiB); the caller only waits for readiness, so the object
// can move between threads and event loops while idle.  Client: connect, the preamble together with the
// ClientHello, the TLS handshake, all driven by handshake().  TLS 1.2 or 1.3, X25519 first, AES-128-GCM first
// (ChaCha20 first without AES instructions), no SNI, no tickets.  Writing to a closed connection raises no
// SIGPIPE.
//
// Threads: one at a time.  Errors: kNetwork (dial, TLS, reset, EOF in the handshake; cause = errno if there
// was one), kIntegrity (the peer's chain or id is wrong; found before any application byte is sent); texts
// begin with name().  After an error only destruction is allowed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/io/identity.h"

struct ssl_ctx_st;

namespace sjcp::io {

// SSL_CTX of one side, and the peers' chains that it has verified, so that a chain seen before costs no
// signature checks.  Shared by all connections; outlives them.  Const methods from any thread.
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> client(std::shared_ptr<const Identity> identity);
  // Requires a client certificate chain, as satellites and nodes do.
  static Result<std::shared_ptr<const TlsContext>> server(std::shared_ptr<const Identity> identity);
  ~TlsContext();
  ssl_ctx_st* native() const;
  const Identity& identity() const;

  struct State;

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A resolved endpoint: sockaddr bytes.
struct Endpoint {
  std::string sockaddr;  // raw struct sockaddr_in or sockaddr_in6
  std::string text;      // "host:port" as asked for, for messages
};

// "host:port" with a numeric or DNS host; "[v6]:port".  Blocking for DNS names, with a small process-wide
// cache. kUsage when malformed, kNetwork when it does not resolve.  Any thread.
Result<std::vector<Endpoint>> resolve(const std::string& address);

// The address in digits, without its port, IPv6 in brackets; empty: of neither family.
std::string numeric_host(const Endpoint& endpoint);

// Plain bytes of the largest TLS record.
inline constexpr size_t kRecordSize = 16384;

enum class Ready : uint8_t { kDone, kWantRead, kWantWrite };

class TlsConnection {
 public:
  // Begins a non-blocking connect.  `expected`: the id that the peer must have.
  static Result<std::unique_ptr<TlsConnection>> dial(std::shared_ptr<const TlsContext> context,
                                                     const Endpoint& endpoint, const access::NodeId& expected,
                                                     std::string_view preamble);
  // Server side of an accepted socket (non-blocking, owned from here on); the preamble has been read by the
  // caller.
  static Result<std::unique_ptr<TlsConnection>> accept(std::shared_ptr<const TlsContext> context, int fd);
  ~TlsConnection();

  int fd() const;
  const std::string& name() const;  // endpoint's text and node id, for messages

  // The peer has taken the TCP connection, or refused it, which handshake() tells.  Until then the descriptor
  // is not writable.
  bool reached() const;

  // Call again when the descriptor is ready as wanted, until kDone.
  Result<Ready> handshake();
  bool connected() const;  // handshake() returned kDone

  struct ReadResult {
    size_t bytes = 0;               // > 0: data
    bool eof = false;               // the peer closed
    Ready wait = Ready::kWantRead;  // bytes == 0 and not eof: what to wait for
  };
  // At most one TLS record.
  Result<ReadResult> read(ByteSpan out);
  // True when read() may give data without the descriptor becoming readable (data buffered in OpenSSL).
  bool has_buffered() const;
  // Bytes taken, 0 .. data.size(); 0 means wait for writability, then call again with the same bytes (at
  // another address and with more behind them, if need be: a record may be under way).
  // `more`: further data follows at once, so that the kernel may wait for it to fill a packet.
  Result<size_t> write(ByteView data, bool more = false);

  // After connected(); null on a server whose client sent no chain (cannot happen with a TlsContext::server).
  const std::shared_ptr<const PeerIdentity>& peer() const;

 private:
  struct State;
  explicit TlsConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What libcrypto uses of this processor, for --version and logs: "AES-NI, AVX2, AVX-512".  Empty when
// unknown.
std::string crypto_capabilities();

}  // namespace sjcp::io
