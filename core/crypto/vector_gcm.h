// AES-GCM (NIST SP 800-38D) on the processor's widest vectors: 96-bit nonces, tags of up to 16 bytes.
//
// Intel's multi-buffer library has a version for VAES and AVX-512 that takes half of the time of OpenSSL 3.0,
// or less. It is used where the library is there when sjcp is built and where the processor has those
// instructions and libcrypto may use them (its environment variable OPENSSL_ia32cap is honoured).
//
// Threads: one at a time for each object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/bytes.h"

namespace sjcp::crypto {

class VectorGcm {
 public:
  static constexpr size_t kNonceSize = 12;
  static constexpr size_t kTagSize = 16;

  // Whether this machine has it; the first call of a process takes 2 ms.
  static bool available();
  // Of the multi-buffer library; empty where sjcp was built without it.
  static const char* library_version();

  // Requires: available().  `key_size` in bytes: 16 or 32.
  explicit VectorGcm(size_t key_size);
  ~VectorGcm();  // wipes the key
  VectorGcm(const VectorGcm&);
  VectorGcm& operator=(const VectorGcm&) = delete;

  void set_key(const uint8_t* key);

  // A whole message; out.size() == in.size(), and both may start at the same address.
  void seal(const uint8_t* nonce, ByteView associated, ByteView in, ByteSpan out, uint8_t* tag);
  // Computes the tag that the message should have; comparing is the caller's.
  void open(const uint8_t* nonce, ByteView associated, ByteView in, ByteSpan out, uint8_t* tag);

  // The same in parts: begin, any number of updates, end.
  void begin(const uint8_t* nonce, ByteView associated);
  void encrypt(ByteView in, uint8_t* out);
  void decrypt(ByteView in, uint8_t* out);
  void end(bool encrypting, uint8_t* tag);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::crypto
