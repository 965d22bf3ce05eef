// What a peer may send before the reader takes it.
#pragma once

#include <cstddef>

namespace sjcp::io {

// A fresh connection offers 64 KiB and, with bursts that arrive faster than they are read, lets that grow
// slower than the sender's congestion window: on 80 ms, 64 MiB over 29 connections take 1.65 s instead
// of 1.11 s.  This makes room for about 1 MiB of a TCP socket's input and leaves it to the kernel to tune
// what lies beyond, which SO_RCVBUF would not.  For transfers that nothing but the line should slow down.  A
// no-op where the system refuses.
void widen_receive_window(int fd);

// What the peer may send before the reader has taken more; holds until it is set anew.  The window that the
// peer knows of never shrinks, so less takes effect with what arrives.  kAnyWindow: as the kernel thinks
// best.
inline constexpr size_t kAnyWindow = 0;
void limit_receive_window(int fd, size_t bytes);

}  // namespace sjcp::io
