#include "tests/wan/packet.h"

#include <arpa/inet.h>

#include <cstring>

namespace sjcp::wan {
namespace {

constexpr uint8_t kTcp = 6;
constexpr uint8_t kFin = 0x01;
constexpr uint8_t kPush = 0x08;
constexpr uint8_t kWindowReduced = 0x80;
// Where fields begin, in bytes, in an IPv4 and in a TCP header.
constexpr size_t kIpLength = 2, kIpId = 4, kIpProtocol = 9, kIpChecksum = 10, kIpSource = 12,
                 kIpDestination = 16;
constexpr size_t kTcpSequence = 4, kTcpOffset = 12, kTcpFlags = 13, kTcpChecksum = 16;

// As in linux/virtio_net.h, which is no C++: it has a member named class.
struct VirtioHeader {
  uint8_t flags;
  uint8_t gso_type;  // 0: not a train
  uint16_t header_bytes;
  uint16_t gso_size;
  uint16_t checksum_start;
  uint16_t checksum_offset;
};
constexpr uint8_t kGsoNone = 0;
constexpr uint8_t kGsoTcp4 = 1;

static_assert(sizeof(VirtioHeader) == kVirtioHeaderBytes);

uint16_t load16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}
uint32_t load32(const uint8_t* at) {
  return static_cast<uint32_t>(load16(at)) << 16 | load16(at + 2);
}
void store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void store32(uint8_t* at, uint32_t value) {
  store16(at, value >> 16);
  store16(at + 2, value);
}

// Sum of 16-bit words with the carries folded in (RFC 1071), not complemented.
uint16_t sum16(const uint8_t* at, size_t bytes, uint32_t sum) {
  for (size_t i = 0; i + 1 < bytes; i += 2) sum += load16(at + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace

std::optional<Shape> shape_of(const uint8_t* data, size_t size) {
  if (size < kVirtioHeaderBytes + 20) return std::nullopt;
  VirtioHeader virtio;
  std::memcpy(&virtio, data, sizeof virtio);
  const uint8_t* ip = data + kVirtioHeaderBytes;
  const auto bytes = static_cast<uint32_t>(size - kVirtioHeaderBytes);
  const uint32_t ip_header = (ip[0] & 15u) * 4;
  if (ip[0] >> 4 != 4 || ip_header < 20 || bytes < ip_header) return std::nullopt;
  Shape out;
  out.source = load32(ip + kIpSource);
  out.destination = load32(ip + kIpDestination);
  out.train = {0, 1, bytes, bytes};
  const bool is_train = virtio.gso_type == kGsoTcp4 && virtio.gso_size > 0;
  if (!is_train || ip[kIpProtocol] != kTcp || bytes < ip_header + 20) return out;
  const uint32_t headers = ip_header + (ip[ip_header + kTcpOffset] >> 4) * 4u;
  if (bytes <= headers) return out;
  const uint32_t payload = bytes - headers;
  out.header_bytes = headers;
  out.payload_bytes = virtio.gso_size;
  out.train.end = (payload + virtio.gso_size - 1) / virtio.gso_size;
  out.train.bytes = headers + virtio.gso_size;
  out.train.last_bytes = headers + payload - (out.train.end - 1) * virtio.gso_size;
  return out;
}

Part::Part(const uint8_t* data, size_t size, const Shape& shape, uint32_t begin, uint32_t end) {
  if (begin == shape.train.begin && end == shape.train.end) {
    buffers_[0] = {const_cast<uint8_t*>(data), size};
    return;
  }
  cut(data, size, shape, begin, end);
}

void Part::cut(const uint8_t* data, size_t size, const Shape& shape, uint32_t begin, uint32_t end) {
  const bool is_last = end == shape.train.end;
  const size_t head = kVirtioHeaderBytes + shape.header_bytes;
  const size_t offset = static_cast<size_t>(begin) * shape.payload_bytes;
  const size_t payload =
      is_last ? size - head - offset : static_cast<size_t>(end - begin) * shape.payload_bytes;
  std::memcpy(header_.data(), data, head);

  VirtioHeader virtio;
  std::memcpy(&virtio, data, sizeof virtio);
  if (end - begin == 1) {
    virtio.gso_type = kGsoNone;
    virtio.gso_size = 0;
  }
  std::memcpy(header_.data(), &virtio, sizeof virtio);

  uint8_t* ip = header_.data() + kVirtioHeaderBytes;
  const size_t ip_header = size_t{ip[0] & 15u} * 4;
  const size_t tcp_bytes = shape.header_bytes - ip_header + payload;
  store16(ip + kIpLength, static_cast<uint32_t>(ip_header + tcp_bytes));
  store16(ip + kIpId, load16(ip + kIpId) + begin);
  store16(ip + kIpChecksum, 0);
  store16(ip + kIpChecksum, static_cast<uint16_t>(~sum16(ip, ip_header, 0)));

  uint8_t* tcp = ip + ip_header;
  store32(tcp + kTcpSequence, load32(tcp + kTcpSequence) + static_cast<uint32_t>(offset));
  if (!is_last) tcp[kTcpFlags] &= static_cast<uint8_t>(~(kFin | kPush));
  if (begin != 0) tcp[kTcpFlags] &= static_cast<uint8_t>(~kWindowReduced);
  // What an open checksum starts from: addresses, protocol and length.
  store16(tcp + kTcpChecksum, sum16(ip + kIpSource, 8, static_cast<uint32_t>(kTcp + tcp_bytes)));

  buffers_[0] = {header_.data(), head};
  buffers_[1] = {const_cast<uint8_t*>(data) + head + offset, payload};
  count_ = 2;
}

}  // namespace sjcp::wan
