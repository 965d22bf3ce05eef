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

std::optional<RoundTrips> round_trips(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt) return std::nullopt;
  // No round trip yet is 0 to receivers, and the largest number to senders.
  if (info.tcpi_rcv_rtt == 0 || info.tcpi_min_rtt == 0 || info.tcpi_min_rtt == UINT32_MAX)
    return std::nullopt;
  return RoundTrips{std::chrono::microseconds(info.tcpi_min_rtt),
                    std::chrono::microseconds(info.tcpi_rcv_rtt)};
}

}  // namespace sjcp::io
