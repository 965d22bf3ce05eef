// One non-blocking, encrypted connection to or from a peer of the network, whichever way it is encrypted.
//
// The caller only waits for readiness, so the object can move between threads and event loops while idle.
// Writing to a closed connection raises no SIGPIPE.
//
// Threads: one at a time.  Errors: kNetwork (dial, reset, EOF in the handshake; cause = errno if there was
// one), kIntegrity (the peer is not who it must be, or what came is not what it sent); texts begin with
// name().  After an error only destruction is allowed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/io/identity.h"

namespace sjcp::io {

// Plain bytes that are sealed together: the largest TLS record.
inline constexpr size_t kRecordSize = 16384;

enum class Ready : uint8_t { kDone, kWantRead, kWantWrite };

class PeerConnection {
 public:
  virtual ~PeerConnection() = default;

  virtual int fd() const = 0;
  virtual const std::string& name() const = 0;  // endpoint's text and node id, for messages

  // The peer has taken the TCP connection, or refused it, which handshake() tells.  Until then the descriptor
  // is not writable.
  virtual bool reached() const = 0;

  // Call again when the descriptor is ready as wanted, until kDone.
  virtual Result<Ready> handshake() = 0;
  virtual bool connected() const = 0;  // handshake() returned kDone

  struct ReadResult {
    ByteView data;                  // in `scratch` or in the connection's own memory, until the next call
    bool eof = false;               // the peer closed
    Ready wait = Ready::kWantRead;  // no data and not eof: what to wait for
  };
  // At most scratch.size() bytes, and no more than were sealed together.
  virtual Result<ReadResult> read(ByteSpan scratch) = 0;
  // True when read() may give data without the descriptor becoming readable.
  virtual bool has_buffered() const = 0;

  // Bytes taken, 0 .. data.size(); 0 means wait for writability (see speechless()), then call again with the
  // same bytes (at another address and with more behind them, if need be: a record may be under way).
  // `more`: further data follows at once, so that the kernel may wait for it to fill a packet.
  virtual Result<size_t> write(ByteView data, bool more = false) = 0;
  // True: the peer must answer what was sent before write() takes more, so the wait is for reading.
  virtual bool speechless() const = 0;
  // True until a byte of the peer has come that shows who it is.
  virtual bool unproven() const = 0;

  // Who the peer is, once connected(); null where its certificates are not part of the handshake.
  virtual const std::shared_ptr<const PeerIdentity>& peer() const = 0;
};

}  // namespace sjcp::io
