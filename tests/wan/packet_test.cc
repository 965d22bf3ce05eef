#include "tests/wan/packet.h"

#include <string>

#include "tests/support/catch.h"
#include "tests/wan/packet_pool.h"
#include "tests/wan/test_packet.h"

namespace sjcp::wan {
namespace {

constexpr uint32_t kFar = kFirstNode;
constexpr size_t kPayload = 1448;  // of a wire packet

const uint8_t* bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::string written(const std::string& packet, uint32_t begin, uint32_t end) {
  const Part part(bytes(packet), packet.size(), *shape_of(bytes(packet), packet.size()), begin, end);
  std::string out;
  for (int i = 0; i < part.count(); ++i) {
    out.append(static_cast<const char*>(part.buffers()[i].iov_base), part.buffers()[i].iov_len);
  }
  return out;
}

uint32_t field(const std::string& packet, size_t at, int size) {
  uint32_t out = 0;
  for (int i = 0; i < size; ++i)
    out = out << 8 | static_cast<uint8_t>(packet[kVirtioHeaderBytes + at + static_cast<size_t>(i)]);
  return out;
}

std::string counted(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 % 251);
  return out;
}

}  // namespace

TEST_CASE("A train's shape is that of the wire packets it stands for") {
  const std::string packet = tcp_packet(kFar, kNearAddress, counted(3 * kPayload + 10));
  const auto shape = shape_of(bytes(packet), packet.size());
  REQUIRE(shape);
  CHECK(shape->source == kFar);
  CHECK(shape->destination == kNearAddress);
  CHECK(shape->train.end == 4);
  CHECK(shape->train.bytes == 1488);
  CHECK(shape->train.last_bytes == 50);
}

TEST_CASE("A packet that is no train is one wire packet of its own size") {
  const std::string packet = tcp_packet(kFar, kNearAddress, counted(100));
  const auto shape = shape_of(bytes(packet), packet.size());
  REQUIRE(shape);
  CHECK(shape->train.end == 1);
  CHECK(shape->train.bytes_of(0) == 140);
}

TEST_CASE("What is no IPv4 packet has no shape") {
  std::string packet = tcp_packet(kFar, kNearAddress, "");
  CHECK_FALSE(shape_of(bytes(packet), kVirtioHeaderBytes + 19));
  packet[kVirtioHeaderBytes] = 0x60;
  CHECK_FALSE(shape_of(bytes(packet), packet.size()));
  packet[kVirtioHeaderBytes] = 0x44;  // a header of 16 bytes
  CHECK_FALSE(shape_of(bytes(packet), packet.size()));
}

TEST_CASE("A train whose headers are longer than itself is one packet") {
  std::string packet = tcp_packet(kFar, kNearAddress, counted(2000)).substr(0, kVirtioHeaderBytes + 44);
  packet[kVirtioHeaderBytes + 32] = '\xf0';
  CHECK(shape_of(bytes(packet), packet.size())->train.end == 1);
}

TEST_CASE("A whole train is written as it was read") {
  const std::string packet = tcp_packet(kFar, kNearAddress, counted(3 * kPayload + 10));
  CHECK(written(packet, 0, 4) == packet);
}

TEST_CASE("Parts of a train carry its bytes under the sequence numbers that these have") {
  const std::string payload = counted(3 * kPayload + 10);
  const std::string packet = tcp_packet(kFar, kNearAddress, payload);
  const std::string middle = written(packet, 1, 3);
  CHECK(middle.substr(kVirtioHeaderBytes + 40) == payload.substr(kPayload, 2 * kPayload));
  CHECK(field(middle, 2, 2) == 40 + 2 * kPayload);
  CHECK(field(middle, 4, 2) == 0x1235);
  CHECK(field(middle, 24, 4) == 0xfffffff0u + static_cast<uint32_t>(kPayload));
  CHECK(middle[1] == 1);  // still a train
  const std::string last = written(packet, 3, 4);
  CHECK(last.substr(kVirtioHeaderBytes + 40) == payload.substr(3 * kPayload));
  CHECK(last[1] == 0);  // one packet
  CHECK(last.substr(4, 2) == std::string(2, '\0'));
}

TEST_CASE("Of a parted train only the last part ends or pushes, and only the first has reduced its window") {
  const std::string packet = tcp_packet(kFar, kNearAddress, counted(3 * kPayload));
  CHECK(field(written(packet, 0, 1), 33, 1) == 0x90);
  CHECK(field(written(packet, 1, 2), 33, 1) == 0x10);
  CHECK(field(written(packet, 2, 3), 33, 1) == 0x19);
}

TEST_CASE("A part's IP header sums up to all ones, and its TCP checksum begins with the pseudo header") {
  const std::string packet = tcp_packet(kFar, kNearAddress, counted(3 * kPayload));
  const std::string part = written(packet, 1, 2);
  uint32_t sum = 0;
  for (size_t at = 0; at < 20; at += 2) sum += field(part, at, 2);
  CHECK((sum & 0xffff) + (sum >> 16) == 0xffff);
  uint32_t pseudo = 6 + 20 + static_cast<uint32_t>(kPayload);
  for (size_t at = 12; at < 20; at += 2) pseudo += field(part, at, 2);
  CHECK(field(part, 36, 2) == (pseudo & 0xffff) + (pseudo >> 16));
}

TEST_CASE("The pool gives the same memory again, and nothing beyond its limit") {
  PacketPool pool(4096);
  Chunk* first = pool.keep(100, {});
  Chunk* second = pool.keep(2048, {});
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  CHECK(pool.bytes_held() == 256 + 2048);
  CHECK(pool.keep(2000, {}) == nullptr);
  ++second->references;
  pool.release(second);
  CHECK(pool.keep(2000, {}) == nullptr);
  pool.release(second);
  CHECK(pool.keep(2000, {}) == second);
  CHECK(pool.most_bytes_held() == 256 + 2048);
}

}  // namespace sjcp::wan
