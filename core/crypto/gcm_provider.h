// Gives VectorGcm to OpenSSL, so that TLS of every connection and the content of segments use it alike.
#pragma once

struct ossl_lib_ctx_st;

namespace sjcp::crypto {

// Where VectorGcm is available, registers a provider named "sjcp" in a library context (null: that of the
// process) and prefers its AES-128-GCM and AES-256-GCM to those of the default provider.  Contexts of TLS
// take the ciphers that are preferred when they are made, so this comes before the first of them.  Leaves
// everything alone where the system's configuration asks for FIPS.  True: it is in use.  The library context
// lives as long as the process.  Threads: any; works once for each.
bool prefer_vector_gcm(ossl_lib_ctx_st* library = nullptr);

}  // namespace sjcp::crypto
