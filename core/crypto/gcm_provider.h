// Gives VectorGcm to OpenSSL, so that TLS of every connection and the content of segments use it alike.
#pragma once

namespace sjcp::crypto {

// Where VectorGcm is available, registers a provider named "sjcp" in the process's library context and
// prefers its AES-128-GCM and AES-256-GCM to those of the default provider.  Contexts of TLS take the ciphers
// that are preferred when they are made, so this comes before the first of them.  Leaves everything alone
// where the system's configuration asks for FIPS.  True: it is in use.  Threads: any; works once.
bool prefer_vector_gcm();

}  // namespace sjcp::crypto
