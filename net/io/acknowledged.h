// What the peer of a TCP connection is known to have received.
#pragma once

#include <cstdint>

namespace sjcp::io {

// Bytes in all.  A socket takes megabytes at once and needs minutes for them on a slow line: only this tells a slow
// connection from a dead one.  0 where the system does not tell.
uint64_t acknowledged_bytes(int fd);

}  // namespace sjcp::io
