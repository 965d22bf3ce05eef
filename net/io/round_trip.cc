#include "net/io/round_trip.h"

// The kernel's header: that of the C library lacks the newer fields, and the two exclude each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace sjcp::io {

std::optional<RoundTrip> round_trip(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  const bool told = size >= offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt;
  if (!told || info.tcpi_rtt == 0 || info.tcpi_min_rtt == UINT32_MAX) return std::nullopt;
  return RoundTrip{std::chrono::microseconds(info.tcpi_rtt), std::chrono::microseconds(info.tcpi_min_rtt)};
}

}  // namespace sjcp::io
