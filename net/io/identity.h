// Node identities: the two-certificate chain [leaf, CA] that every peer of the network presents.
//
// The id is the double SHA-256 of the CA's SubjectPublicKeyInfo; the leaf, signed by the CA, does the TLS
// handshake and signs order limits and piece hashes.  No dates, host names or system CAs are involved
// (protocol notes 5).
//
// Threads: Identity and PeerIdentity are immutable after creation; const methods from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

// OpenSSL's types, so that this header needs none of its own.
struct evp_pkey_st;
struct x509_st;

namespace sjcp::io {

// Own identity: both certificates and the leaf's private key.
class Identity {
 public:
  // A new P-256 identity of difficulty 0.  Clients make a throw-away one per process.
  static Result<std::shared_ptr<const Identity>> generate();
  // PEM: chain (leaf, CA) and PKCS#8 or "EC PRIVATE KEY" of the leaf.  kUsage when malformed.
  static Result<std::shared_ptr<const Identity>> from_pem(std::string_view chain, std::string_view key);
  ~Identity();

  const access::NodeId& id() const;
  // SHA-256 + ECDSA (ASN.1) with the leaf key.
  std::string sign(ByteView data) const;
  // DER leaf followed by DER CA, as in PieceUploadResponse.node_certchain.
  std::string chain_der() const;
  std::string chain_pem() const;
  std::string key_pem() const;

  x509_st* leaf() const;
  x509_st* ca() const;
  evp_pkey_st* key() const;

 private:
  struct State;
  explicit Identity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A peer's verified chain.
class PeerIdentity {
 public:
  // Checks the chain as the network does: at least two certificates, each signed by the next, the last by
  // itself, CA flags, identity version.  kIntegrity when it fails.  `certificates` are DER, leaf first.
  static Result<std::shared_ptr<const PeerIdentity>> verify(const std::vector<std::string>& certificates);
  // The concatenated DER form.
  static Result<std::shared_ptr<const PeerIdentity>> from_chain_der(ByteView chain);
  ~PeerIdentity();

  const access::NodeId& id() const;
  // All certificates as they came: whoever sees these bytes again need not check them again.
  const std::string& chain_der() const;
  // Signature of the leaf key over data: SHA-256 with ECDSA, or RSA-PSS.
  bool verify_signature(ByteView data, ByteView signature) const;

 private:
  struct State;
  explicit PeerIdentity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Chains that were found good, so that one seen before costs no signature checks: those of a node are two,
// which take longer than hashing a piece.  Any thread.
class PeerChains {
 public:
  // As PeerIdentity::verify and from_chain_der.
  Result<std::shared_ptr<const PeerIdentity>> verify(const std::vector<std::string>& certificates);
  Result<std::shared_ptr<const PeerIdentity>> from_chain_der(ByteView chain);

 private:
  std::shared_ptr<const PeerIdentity> find(const std::string& chain);
  void keep(const std::shared_ptr<const PeerIdentity>& peer);

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const PeerIdentity>> known_;  // by concatenated DER
};

}  // namespace sjcp::io
