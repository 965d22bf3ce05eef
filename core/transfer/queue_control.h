// Keeps the queue before a slow line short by what its readers offer to take.
//
//   free --a queue stands, and the rate grows no more--> steering
//   steering --no queue, however much is offered, or windows that large limit nobody--> free
//            --less was offered, but round trips are as long as before--> free, and for a while no more
//            steering
//
// Many connections that only losses slow down fill the queue of a line that is slower than their senders:
// whoever else uses the line waits for it, packets are lost, and some pieces of a segment fall behind by
// luck.  Where such a queue is seen, every connection gets a receive window for an equal share of the line:
// rate x (round trip at rest + the queue that is wanted).  The sum of the shares rises and falls until the
// queue is as long as that.  A line whose queue never holds 30 ms is left alone.
//
// A share of a few packets keeps no connection going: packets that are lost are noticed late, and windows
// can't become smaller.  Where the line is too thin for the connections of all segments, only those that
// began first read, three at least, and the others wait until it is their turn.
//
// The median over all connections counts, so that single paths with queues or troubles of their own do not.
//
// Times come from the caller.  Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/base/clock.h"

namespace sjcp::transfer {

class QueueControl {
 public:
  using Duration = std::chrono::nanoseconds;

  static constexpr uint64_t kPacket = 1448;              // bytes of data in a full packet of Ethernet
  static constexpr uint64_t kLeastWindow = 2 * kPacket;  // that a connection gets

  // One connection that is being read from.
  struct Path {
    Duration base{};    // its round trip while nothing waits
    Duration loaded{};  // its round trip now
  };

  // Of one segment: how many connections share the line.  Its turn comes in the order of first counts.  Must
  // not outlive its control.
  class Readers {
   public:
    explicit Readers(QueueControl* owner) : owner_(owner) {}  // null: nobody counts
    ~Readers() { set(0); }
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;
    // 0: it has nothing to do with the line any more.
    void set(unsigned count);
    // False: nothing is to be read until it is its turn.
    bool may_read() const { return may_read_.load(std::memory_order_relaxed); }

   private:
    friend class QueueControl;
    QueueControl* const owner_;
    unsigned count_ = 0;                // guarded by the owner
    std::atomic<bool> may_read_{true};  // written by the owner
  };

  // To be called by every segment every 50 ms or so.  `bytes`: running total of what arrived for all of them.
  void observe(std::span<const Path> paths, uint64_t bytes, Clock::Steady now);

  // What a connection may have under way; empty: anything.  base 0: unknown, as most others.
  std::optional<uint64_t> window(Duration base) const;

  bool steering() const { return steering_.load(std::memory_order_relaxed); }
  // A queue stands: who is late cannot be replaced by who would be sooner.
  bool busy() const { return busy_.load(std::memory_order_relaxed); }
  // How long the queue was when it was last seen.
  Duration queue() const;

 private:
  struct View {
    Duration base{};    // medians
    Duration growth{};  // of the round trip
    double rate = 0;    // bytes per second, over some looks
    bool climbing = false;
  };

  void begin_look(uint64_t bytes, Clock::Steady now);
  View finish_look(uint64_t bytes, Clock::Steady now);
  void on_free(const View& view, Clock::Steady now);
  void on_steering(const View& view, Duration since, Clock::Steady now);
  void release();
  void give_turns();

  mutable std::mutex mutex_;
  std::atomic<bool> steering_{false};  // written under the mutex
  std::atomic<bool> busy_{false};
  std::vector<Readers*> segments_;  // in the order of their turns
  unsigned readers_ = 0;            // of those that may read

  bool looking_ = false;
  Clock::Steady look_begin_{};
  uint64_t look_bytes_ = 0;
  std::vector<Duration> bases_;  // since the last look
  std::vector<Duration> growths_;
  std::deque<double> rates_;  // of the last looks

  unsigned queued_ = 0;  // looks in a row that showed a standing queue
  double total_ = 0;     // bytes per second offered to all readers together
  double peak_ = 0;      // the best rate of late
  Duration queue_{};     // as last seen
  Duration base_{};
  Clock::Steady short_{};  // since when there has been no queue to speak of
  Clock::Steady long_{};   // since when it has been longer than wanted
  Clock::Steady rest_until_{};
  bool turned_ = false;      // somebody's turn has come since the last look
  Clock::Steady settled_{};  // what arrives before says nothing
};

}  // namespace sjcp::transfer
