#include "net/io/receive_window.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace sjcp::io {
namespace {

constexpr int kWindow = 1 << 20;
constexpr int kEveryByte = 1;
// More than any buffer has room for.
constexpr size_t kLargestWindow = 1 << 30;

}  // namespace

// The kernel enlarges the buffer for what a reader says it waits for (as far as half of tcp_rmem's limit),
// does not take that for a size set by hand, and does not shrink it again when the reader waits for less.
void widen_receive_window(int fd) {
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kWindow, sizeof kWindow);
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kEveryByte, sizeof kEveryByte);
}

void limit_receive_window(int fd, size_t bytes) {
  const auto clamp = static_cast<int>(bytes == kAnyWindow ? kLargestWindow : std::min(bytes, kLargestWindow));
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &clamp, sizeof clamp);
}

}  // namespace sjcp::io
