#include "net/io/tcp_state.h"

// The kernel's header: that of the C library lacks the newer fields, and the two exclude each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace sjcp::io {

std::optional<TcpState> tcp_state(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt) return std::nullopt;
  TcpState state;
  // The least is the largest number as long as there was none.
  if (info.tcpi_min_rtt != UINT32_MAX) {
    state.least = std::chrono::microseconds(info.tcpi_min_rtt);
    state.smoothed = std::chrono::microseconds(info.tcpi_rtt);
  }
  state.received = std::chrono::microseconds(info.tcpi_rcv_rtt);
  state.acknowledged = info.tcpi_bytes_acked;
  return state;
}

}  // namespace sjcp::io
