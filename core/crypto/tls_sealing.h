// The sending half of TLS 1.3's record protection (RFC 8446, 5.2, 5.3, 7.2 and 7.3): from the traffic secret
// of a handshake that somebody else has made to records.  No sockets, no handshake.
//
// Whoever has given away a secret must not send anything under it any more: a nonce that is used twice gives
// the key of the tags away.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.h"

namespace sjcp::crypto {

class TlsSealing {
 public:
  static constexpr size_t kMostData = 16384;       // of a record
  static constexpr size_t kOverhead = 5 + 1 + 16;  // of a record: its header, its type, its tag
  static constexpr size_t kRenewalSize = kOverhead + 5;
  // RFC 8446, 5.5: AES-GCM is to seal no more than 2^24.5 full records with one key.
  static constexpr uint64_t kMostRecords = uint64_t{1} << 24;

  // `suite`: 0x1301 (AES-128-GCM), 0x1302 (AES-256-GCM) or 0x1303 (ChaCha20-Poly1305).  Null: another one, or
  // a secret of another size than that suite's hash.
  static std::unique_ptr<TlsSealing> create(uint16_t suite, ByteView secret,
                                            uint64_t most_records = kMostRecords);
  ~TlsSealing();  // wipes keys and secret

  // A record of application data.  out.size() == data.size() + kOverhead; they do not overlap.
  // Requires: data.size() <= kMostData, and that no renewal is due.
  void seal(ByteView data, ByteSpan out);

  // The keys have sealed enough.
  bool renewal_due() const;
  // The message that tells the peer so (KeyUpdate), of kRenewalSize; what follows has new keys.
  void renew(ByteSpan out);

 private:
  struct State;
  explicit TlsSealing(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::crypto
