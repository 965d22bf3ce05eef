// What this process knows about storage nodes: how fast they were, and which failed.  It guides which pieces
// of a segment are asked for first.
//
// A node's standing comes from its own record and from the other nodes': slow is who is several times slower
// than the typical one.  Nothing is held against a node for long: after a while it is unknown again and gets
// another chance.  What earlier runs left (node_history.h) counts only as long as this process knows nothing
// of the node itself, and only against it: nobody is good because it was yesterday.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/clock.h"
#include "core/segment/piece_race.h"
#include "net/storj/node_history.h"

namespace sjcp::storj {

class NodeMemory {
 public:
  enum class Standing : uint8_t { kGood, kUnknown, kSlow, kBad };  // the best first
  enum class Fault : uint8_t {
    kFailed,   // no connection, a broken one, or a refusal
    kStalled,  // silent while others delivered
    kBadData,  // its piece was wrong
  };

  explicit NodeMemory(const Clock& clock = system_clock()) : clock_(clock) {}

  // What a node did for a piece until now, when others are done with theirs or ahead.
  struct Service {
    uint64_t bytes = 0;
    std::chrono::nanoseconds busy{0};    // time for which more could have been taken
    std::chrono::nanoseconds silent{0};  // of that, without a byte until now
    std::chrono::nanoseconds trip{0};    // round trip; 0: unknown
  };
  // Judges it: delivered, stalled, or neither, where it was too little to tell.
  void served(const access::NodeId& node, const Service& service);
  // The node delivered at this rate (bytes per second).
  void delivered(const access::NodeId& node, double rate);
  void failed(const access::NodeId& node, Fault fault);

  Standing standing(const access::NodeId& node) const;

  // Who was poor in earlier runs is slow until more is known of it.
  void recall(const NodeHistory& history);
  // For later runs: whom this process knows to be poor, or not to be.  Slow is who was so for a while.  Where
  // half of the nodes or more are poor, or nobody delivered any more when they failed, it was the line.
  std::vector<NodeHistory::Finding> findings() const;

  // A round trip to the node at rest, as it was seen now.  The shortest that has been seen.
  std::chrono::nanoseconds round_trip(const access::NodeId& node, std::chrono::nanoseconds seen);

  // A piece that may be read.
  struct Candidate {
    unsigned piece = 0;
    access::NodeId node;
    bool data = false;  // a data share: no arithmetic when it is used
    bool warm = false;  // an idle connection to the node is at hand: no handshake
  };
  struct Start {
    unsigned piece = 0;
    segment::PieceRace::Start how = segment::PieceRace::Start::kRacing;
    auto operator<=>(const Start&) const = default;
  };
  // How each piece starts when `needed` are to be read, the best first.  Nodes in good standing are chosen;
  // for each place that is missing two others race, or three where nobody is known and so many are not poor.
  std::vector<Start> plan(std::span<const Candidate> candidates, unsigned needed) const;

 private:
  struct Record {
    double rate = 0;  // smoothed; 0: unknown
    Clock::Steady seen;
    std::chrono::nanoseconds busy{0};  // what the rate was seen for
    unsigned faults = 0;               // since it last delivered
    bool wrong = false;                // sent wrong data once; what it delivered since may be as wrong
    Clock::Steady bad_until;
    std::chrono::nanoseconds trip{0};  // the shortest; 0: unknown
    bool judged() const { return rate != 0 || faults != 0; }
  };
  Record& record_of(const access::NodeId& node);
  Record& note_delivery(const access::NodeId& node, double rate);
  Standing standing(const access::NodeId& node, double typical, Clock::Steady now) const;
  bool next_door(const access::NodeId& node) const;
  double typical_rate() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<access::NodeId, Record> nodes_;
  std::map<access::NodeId, Clock::Steady> recalled_;  // poor in earlier runs, and until when that counts
  Clock::Steady delivered_;                           // when somebody last did
};

}  // namespace sjcp::storj
