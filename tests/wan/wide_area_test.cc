#include "tests/wan/wide_area.h"

#include <cstring>

#include "tests/support/catch.h"
#include "tests/wan/test_packet.h"

namespace sjcp::wan {
namespace {

using namespace std::chrono_literals;

struct Arrival {
  Side to;
  Time at;
  size_t bytes;
  bool operator==(const Arrival&) const = default;
};

// A wide area whose clock goes from one due time to the next.
class World : private Receiver {
 public:
  explicit World(const std::string& profile, uint64_t memory = 1 << 20)
      : pool(memory), area(*parse_profile("test", profile), pool) {}

  // IP bytes in all, 40 of them headers.
  void send(Side from, uint32_t far_address, size_t bytes, uint32_t near_address = kNearAddress) {
    const std::string payload(bytes - 40, 'x');
    const std::string packet = from == Side::kFar ? tcp_packet(far_address, near_address, payload)
                                                  : tcp_packet(near_address, far_address, payload);
    std::memcpy(pool.scratch(), packet.data(), packet.size());
    area.send(from, now, packet.size());
  }

  std::vector<Arrival> run() {
    arrivals_.clear();
    while (const auto due = area.next_due()) {
      now = std::max(now, *due);
      area.deliver(now, *this);
    }
    return arrivals_;
  }

  Time now{0};
  PacketPool pool;
  WideArea area;

 private:
  void receive(Side to, const Part& part) override {
    size_t bytes = 0;
    for (int i = 0; i < part.count(); ++i) bytes += part.buffers()[i].iov_len;
    arrivals_.push_back({to, now, bytes - kVirtioHeaderBytes});
  }

  std::vector<Arrival> arrivals_;
};

// 1 byte per microsecond down, half of it up.
constexpr char kSlowLine[] = R"({"line":{"down":{"mbit":8,"queue_ms":50},"up":{"mbit":4,"queue_ms":50}},
                                 "path":{"rtt_ms":80}})";

}  // namespace

TEST_CASE("A packet is half a round trip on its way, behind what the line needs for it") {
  World world(kSlowLine);
  world.send(Side::kNear, kFirstNode, 1000);
  CHECK(world.run() == std::vector<Arrival>{{Side::kFar, 42ms, 1000}});
  world.now = 100ms;
  world.send(Side::kFar, kFirstNode, 1000);
  CHECK(world.run() == std::vector<Arrival>{{Side::kNear, 141ms, 1000}});
  CHECK(world.pool.bytes_held() == 0);
}

TEST_CASE("Paths share the line in the order in which their packets reach it") {
  World world(R"({"line":{"down":{"mbit":8}},"path":{"rtt_ms":80}})");
  world.area.change(0s, *parse_change(R"({"paths":"10.66.1.2","set":{"rtt_ms":20}})"));
  world.send(Side::kFar, kFirstNode, 1000);
  world.send(Side::kFar, kFirstNode + 1, 500);
  CHECK(world.run() == std::vector<Arrival>{{Side::kNear, 10'500us, 500}, {Side::kNear, 41ms, 1000}});
}

TEST_CASE("Two paths of one distance wait for each other at the line, not before") {
  World world(R"({"line":{"down":{"mbit":8}},"path":{"rtt_ms":80,"mbit":80}})");
  world.send(Side::kFar, kFirstNode, 1000);
  world.send(Side::kFar, kFirstNode + 1, 1000);
  // 0.1 ms on the path's own hop, 1 ms each on the line.
  CHECK(world.run() == std::vector<Arrival>{{Side::kNear, 41'100us, 1000}, {Side::kNear, 42'100us, 1000}});
  CHECK(world.area.stats(Side::kNear).line_wait.most() == Time(1ms));
}

TEST_CASE("What the line's queue cannot hold is dropped and counted") {
  World world(R"({"line":{"down":{"mbit":8,"queue_ms":2}},"path":{"rtt_ms":80}})");
  for (uint32_t i = 0; i < 5; ++i) world.send(Side::kFar, kFirstNode + i, 1000);
  CHECK(world.run().size() == 3);
  CHECK(world.area.stats(Side::kNear).line_full == 2);
  CHECK(world.area.stats(Side::kNear).arrived_bytes == 3000);
  CHECK(world.pool.bytes_held() == 0);
}

TEST_CASE("A train reaches the other side whole when nothing parts it, and in parts when a slow line does") {
  World fast(R"({"path":{"rtt_ms":80}})");
  fast.send(Side::kFar, kFirstNode, 40 + 10 * 1448);
  CHECK(fast.run() == std::vector<Arrival>{{Side::kNear, 40ms, 40 + 10 * 1448}});
  CHECK(fast.area.stats(Side::kNear).packets == 10);
  CHECK(fast.area.stats(Side::kNear).bytes == 14880);

  World slow(kSlowLine);
  slow.send(Side::kFar, kFirstNode, 40 + 3 * 1448);
  CHECK(slow.run() == std::vector<Arrival>{{Side::kNear, 41'488us, 1488},
                                           {Side::kNear, 42'976us, 1488},
                                           {Side::kNear, 44'464us, 1488}});
}

TEST_CASE("A ping grows by what waits in the line, both ways") {
  World world(kSlowLine);
  world.area.ping(0s);
  world.run();
  // 84 bytes at each rate.
  CHECK(world.area.ping_growth().most() == Time(168us + 84us));
  world.now = 1s;
  world.send(Side::kNear, kFirstNode, 1040);
  world.area.ping(world.now);
  world.run();
  CHECK(world.area.ping_growth().most() == Time(168us + 84us + 2080us));
  CHECK(world.area.idle_ping() == Time(80ms));
  CHECK(world.area.pings_sent() == 2);
  CHECK(world.area.pings_lost() == 0);
}

TEST_CASE("A change holds for paths that are used only later") {
  World world(R"({"path":{"rtt_ms":80}})");
  world.area.change(0s, *parse_change(R"({"paths":"10.66.1.0/24","set":{"dead":true}})"));
  world.send(Side::kNear, kFirstNode, 1000);
  world.send(Side::kNear, kFirstService, 1000);
  CHECK(world.run().size() == 1);
  CHECK(world.area.paths().at(kFirstNode)->up.counters().dead == 1);
  world.area.change(world.now, *parse_change(R"({"paths":"10.66.1.1","set":{"dead":false}})"));
  world.send(Side::kNear, kFirstNode, 1000);
  CHECK(world.run().size() == 1);
}

TEST_CASE("Without memory packets are dropped and counted, and later ones pass") {
  World world(R"({"path":{"rtt_ms":80}})", 4096);
  for (int i = 0; i < 3; ++i) world.send(Side::kNear, kFirstNode, 1400);
  CHECK(world.run().size() == 2);
  CHECK(world.area.stats(Side::kFar).no_memory == 1);
  world.send(Side::kNear, kFirstNode, 1400);
  CHECK(world.run().size() == 1);
}

TEST_CASE("Packets to or from elsewhere go nowhere") {
  World world(R"({"path":{"rtt_ms":80}})");
  world.send(Side::kNear, kFarNetwork + 0x10000, 100);
  world.send(Side::kNear, kFirstNode, 100, kNearAddress + 5);
  CHECK(world.run().empty());
  CHECK(world.area.stats(Side::kFar).unroutable == 2);
}

TEST_CASE("A wide area that goes gives back the packets on their way") {
  PacketPool pool(1 << 20);
  {
    WideArea area(*parse_profile("test", R"({"path":{"rtt_ms":80}})"), pool);
    const std::string packet = tcp_packet(kNearAddress, kFirstNode, "x");
    std::memcpy(pool.scratch(), packet.data(), packet.size());
    area.send(Side::kNear, 0s, packet.size());
    CHECK(pool.bytes_held() > 0);
  }
  CHECK(pool.bytes_held() == 0);
}

}  // namespace sjcp::wan
