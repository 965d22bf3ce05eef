// IPv4 packets as a TUN device with IFF_VNET_HDR gives and takes them, and parts of them.
//
//   | virtio_net_hdr, 10 bytes | IPv4 header | TCP header | up to 64 KB of payload |
//
// With offload on, the payload is many wire packets' (virtio_net_hdr.gso_size bytes each) under one header,
// and checksums are left open (NEEDS_CSUM): nobody computes one as long as a packet stays between namespaces.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/wan/train.h"

namespace sjcp::wan {

inline constexpr size_t kVirtioHeaderBytes = 10;
// The largest that one read can give: virtio header and the largest IPv4 packet.
inline constexpr size_t kMaxPacketBytes = kVirtioHeaderBytes + 65535;

struct Shape {
  uint32_t source = 0;  // addresses in host order
  uint32_t destination = 0;
  uint32_t header_bytes = 0;   // IP and TCP; only of trains of more than one packet
  uint32_t payload_bytes = 0;  // of each wire packet but the last; likewise
  Train train;
};

// Nothing for what is not a whole IPv4 packet behind a virtio header.
std::optional<Shape> shape_of(const uint8_t* data, size_t size);

// Wire packets [begin, end) of a packet, as two buffers to write: a header of its own and a slice of the
// payload. Both point into `data` or into the object.
class Part {
 public:
  Part(const uint8_t* data, size_t size, const Shape& shape, uint32_t begin, uint32_t end);
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  const iovec* buffers() const { return buffers_.data(); }
  int count() const { return count_; }

 private:
  void cut(const uint8_t* data, size_t size, const Shape& shape, uint32_t begin, uint32_t end);

  std::array<uint8_t, kVirtioHeaderBytes + 120> header_;
  std::array<iovec, 2> buffers_{};
  int count_ = 1;
};

}  // namespace sjcp::wan
