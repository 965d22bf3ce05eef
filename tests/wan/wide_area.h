// The emulated wide area between two sides, without devices and without a clock: packets go in with the time
// when they were sent, and come out in the order and at the times in which they arrive.
//
//   near --> line up (shared) --> path's lane up ---------------> far
//   near <--- line down (shared) <------- path's lane down <----- far
//
// A lane is a hop of the path's own rate and then its distance, so on the way down the lines of many paths
// meet at the shared one in the order of arrival.
//
// Ownership: packets on their way belong to it; the pool must outlive it.
// Threads:   one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "tests/wan/histogram.h"
#include "tests/wan/packet_pool.h"
#include "tests/wan/profile.h"

namespace sjcp::wan {

enum class Side : uint8_t { kNear, kFar };

// Takes what arrives.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void receive(Side to, const Part& part) = 0;
};

// Of one direction, named by where it goes.
struct DirectionStats {
  uint64_t reads = 0;    // trains that were sent
  uint64_t packets = 0;  // wire packets in them
  uint64_t bytes = 0;    // IP bytes of these
  uint64_t arrived_packets = 0;
  uint64_t arrived_bytes = 0;
  uint64_t line_full = 0;   // wire packets that the line's queue dropped
  uint64_t no_memory = 0;   // wire packets for which there was no memory
  uint64_t unroutable = 0;  // packets that are none, or to nowhere
  Histogram line_wait;      // of each train, before the shared line
  Histogram path_wait;      // before its path's own hop
  Histogram late;           // how much later than due it was handed out
};

struct Path {
  Path(uint32_t far_address, Placed at, uint64_t seed);

  const uint32_t address;
  Placed placed;
  Lane up;
  Lane down;
};

class WideArea {
 public:
  WideArea(const Profile& profile, PacketPool& pool);
  ~WideArea();

  // Takes the first `size` bytes of the pool's scratch as what `from` sends.  Requires: `now` never goes
  // back, here and below.
  void send(Side from, Time now, size_t size);

  // Hands out all that is due, in the order of its arrival.
  void deliver(Time now, Receiver& receiver);
  // When next there is something to hand out.
  std::optional<Time> next_due() const;

  // Sends a packet of 84 bytes to kPinged and has it come back.
  void ping(Time now);
  // How much longer than idle_ping() they took.
  const Histogram& ping_growth() const { return ping_growth_; }
  uint64_t pings_sent() const { return pings_sent_; }
  uint64_t pings_lost() const { return pings_lost_; }
  // Without queue and jitter.
  Time idle_ping() const;

  void change(Time now, const Change& change);

  const DirectionStats& stats(Side to) const { return to == Side::kNear ? down_ : up_; }
  // Those that were used, by address.
  const std::map<uint32_t, std::unique_ptr<Path>>& paths() const { return paths_; }

 private:
  enum class Stage : uint8_t { kAtLineDown, kArrived, kPingAtLineDown };
  struct Event {
    Time at{0};
    uint64_t number = 0;  // keeps those of one time in order
    Chunk* chunk = nullptr;
    uint32_t begin = 0;
    uint32_t end = 0;
    Stage stage = Stage::kArrived;
    Side to = Side::kNear;
    Time ping_sent{0};
  };

  void send_up(Time now, Path& path, const Train& train, Chunk* chunk);
  void send_down(Time now, Path& path, const Train& train, Chunk* chunk);
  void cross_line_down(const Event& event);
  void finish_ping(const Event& event);
  void schedule(const Run& run, Chunk* chunk, Stage stage, Side to);
  void push(Event event);
  Path& path_to(uint32_t address);

  Profile profile_;
  PacketPool& pool_;
  Hop line_up_;
  Hop line_down_;
  std::map<uint32_t, std::unique_ptr<Path>> paths_;
  std::vector<Path*> by_address_;  // 65,536, most null
  std::vector<Change> changes_;    // so that paths of later know them too
  std::vector<Event> heap_;
  uint64_t events_ = 0;
  std::vector<Run> runs_;       // scratch
  std::vector<Run> more_runs_;  // scratch
  DirectionStats up_;
  DirectionStats down_;
  Histogram ping_growth_;
  uint64_t pings_sent_ = 0;
  uint64_t pings_lost_ = 0;
};

}  // namespace sjcp::wan
