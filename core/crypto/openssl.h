// OpenSSL objects as owned values, for the sources of this room only.
#pragma once

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace sjcp::crypto {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freed<EVP_MAC_CTX_free>>;

// For calls that fail only when memory or the library itself is gone: there is no result to go on with, and a
// digest or a ciphertext that was not computed must never be used.
inline void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace sjcp::crypto
