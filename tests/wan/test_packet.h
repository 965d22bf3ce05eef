// Packets as TUN devices give them, made by hand.
#pragma once

#include <cstdint>
#include <string>

#include "tests/wan/profile.h"

namespace sjcp::wan {

inline void append16(std::string& out, uint32_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
inline void append32(std::string& out, uint32_t value) {
  append16(out, value >> 16);
  append16(out, value & 0xffff);
}

// A TCP packet of these payload bytes, FIN, PSH and CWR set; a train when the payload is more than
// `gso_size`.
inline std::string tcp_packet(uint32_t from, uint32_t to, const std::string& payload,
                              uint16_t gso_size = 1448) {
  const bool is_train = payload.size() > gso_size;
  std::string out;
  out += '\x01';                    // checksum is open
  out += is_train ? '\x01' : '\0';  // TCP over IPv4
  for (const unsigned field : {54u, is_train ? gso_size : 0u, 20u, 16u}) {
    out += static_cast<char>(field & 255);  // little-endian
    out += static_cast<char>(field >> 8);
  }
  append16(out, 0x4500);
  append16(out, static_cast<uint32_t>(40 + payload.size()));
  append32(out, 0x12344000);  // id, no fragments
  append32(out, 0x40060000);  // TTL, TCP, no checksum
  append32(out, from);
  append32(out, to);
  append32(out, 0x1f901f90);  // ports
  append32(out, 0xfffffff0);  // sequence, about to wrap
  append32(out, 0);
  append32(out, 0x50990100);  // header of 20 bytes; CWR ACK PSH FIN
  append32(out, 0);
  return out + payload;
}

}  // namespace sjcp::wan
