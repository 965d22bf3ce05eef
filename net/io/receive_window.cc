#include "net/io/receive_window.h"

#include <sys/socket.h>

namespace sjcp::io {
namespace {

constexpr int kWindow = 1 << 20;
constexpr int kEveryByte = 1;

}  // namespace

// The kernel enlarges the buffer for what a reader says it waits for (as far as half of tcp_rmem's limit), does not
// take that for a size set by hand, and does not shrink it again when the reader waits for less.
void widen_receive_window(int fd) {
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kWindow, sizeof kWindow);
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kEveryByte, sizeof kEveryByte);
}

}  // namespace sjcp::io
