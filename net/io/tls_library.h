// The library context that TLS between nodes has in OpenSSL.  For .cc files of this room only.
//
// OpenSSL 3 finds out how to read a certificate's public key by asking all decoders of all providers, anew
// for each: 100 us of the millisecond that a handshake costs, for each of the two certificates.  This context
// has the algorithms of the default provider, but of its decoders only those that keys of peers need.
#pragma once

#include <openssl/types.h>

namespace sjcp::io {

// Null, which is the process's own context: where the configuration asks for FIPS, or there is no other to be
// had.  Lives as long as the process.  Threads: any.
OSSL_LIB_CTX* tls_library();

}  // namespace sjcp::io
