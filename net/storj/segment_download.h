// One segment's race: connections to storage nodes, fed into a SegmentDecoder until its range is written.
//
// Runs in the calling thread, which waits in one Poller for all connections.  NodeMemory says which pieces
// start, segment::PieceRace which are read and replaced.  A piece that is known to be needed is paid for at
// once and in full; one that only may be needed up to the first order, and its connection is kept.
//
// Threads: one per object.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/segment/piece_race.h"
#include "core/segment/segment_decoder.h"
#include "core/transfer/context.h"
#include "core/transfer/queue_control.h"
#include "net/drpc/connection.h"
#include "net/io/poller.h"
#include "net/storj/node_connection.h"
#include "net/storj/node_memory.h"
#include "net/storj/offer_shelf.h"
#include "net/storj/pace.h"
#include "net/storj/piece_download.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

struct RaceOptions {
  // For a decoder that corrects errors: every piece is read.
  enum class Correction : uint8_t {
    kNone,
    kQuick,    // pieces that hold up the others are left out as long as one wrong piece can be corrected
    kPatient,  // none is
  };
  Correction correction = Correction::kNone;
  // More offers: asks for one with every node that stores a piece, again and again until there is an answer.
  // Empty: the offer has them all.
  std::function<std::optional<Result<Offer>>()> all_nodes;
  uint64_t first_order = 32 << 10;  // bytes paid for before a piece is known to be needed
  uint64_t slack = 64 << 10;        // see segment::PieceRace
  std::chrono::milliseconds dial_limit{10000};
  std::chrono::milliseconds silence_limit{10000};  // no byte from a piece that is read
  std::chrono::milliseconds review_interval{50};
};

class SegmentDownload {
 public:
  // pool, memory, decoder and context must outlive this object.
  SegmentDownload(drpc::Pool& pool, NodeMemory& memory, Offer offer, segment::SegmentDecoder& decoder,
                  const transfer::Context& context, RaceOptions options);
  ~SegmentDownload();

  // Until the decoder's range is written out.  kNetwork: too few pieces are left (the text leads with the
  // most telling failure); errors of the decoder as they are; kCancelled.
  Status run();

  // After run() failed: so many nodes said that they do not have their pieces that asking again is of no use.
  bool lost() const;
  // Pieces were left out that could have helped to correct errors.
  bool left_out() const { return race_.count(segment::PieceRace::Role::kDropped) != 0; }

  // "node <id>" by piece number, for messages.
  std::string node_name(unsigned piece) const;
  // These pieces turned out to be wrong.
  void blame(const std::vector<unsigned>& pieces);

 private:
  struct Lane;
  using RaceTime = segment::PieceRace::Time;

  Status start();
  Status add_lanes(const Offer& offer, bool first);
  void open_lane(Lane& lane, bool fresh);
  void open_waiting();
  void come_back(Lane& lane);
  void on_ready(Lane& lane);
  void read(Lane& lane);
  void flush(Lane& lane);
  bool reached(Lane& lane);
  void let_go(Lane& lane);
  void begin_stream(Lane& lane);
  void after_first_bytes(Lane& lane);
  void apply(const segment::PieceRace::Decision& decision);
  void activate(Lane& lane);
  void open_reserve(Lane& lane);
  void pause(Lane& lane);
  void give_way();
  void widen();
  void broken(Lane& lane, Error error);
  void fail(Lane& lane, Error error);
  void finish(Lane& lane);
  void leave_out(Lane& lane);
  void close_all();
  void remember(Lane& lane);
  static RaceTime trip_of(Lane& lane);
  void know_reserves();
  void resume_paused();
  void review();
  bool line_busy() const { return context_.queue != nullptr && context_.queue->busy(); }
  void steer();
  void balance();
  void learn_trip(Lane& lane, std::chrono::nanoseconds least);
  void limit(Lane& lane);
  void check_limits();
  Status ask_more();
  RaceTime busy(const Lane& lane) const;
  Error too_few() const;
  void report(std::chrono::steady_clock::duration took) const;
  Lane* lane_of(unsigned piece) const;

  drpc::Pool& pool_;
  NodeMemory& memory_;
  const Offer offer_;
  segment::SegmentDecoder& decoder_;
  const transfer::Context& context_;
  const RaceOptions options_;
  segment::PieceRace race_;
  Pace pace_;
  ConnectionShare share_;
  transfer::QueueControl::Readers readers_;
  bool gives_way_ = false;  // reads nothing and lets no time pass until it is its turn
  std::chrono::steady_clock::time_point turn_changed_;  // when gives_way_ did
  bool steered_ = false;                                // connections have windows of the queue control's
  io::Poller poller_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> again_;     // have bytes that the poller cannot see, or may not be read yet
  std::vector<Lane*> unopened_;  // no connection may be opened for them yet
  std::vector<uint8_t> scratch_;
  RaceTime waited_{0};  // for nodes, so far
  std::chrono::steady_clock::time_point next_review_;
  size_t glance_ = 0;  // which connections steer() looks at
  std::vector<transfer::QueueControl::Path> paths_;
  bool want_more_ = false;
  bool all_known_ = false;  // every node that stores a piece is in the race
};

}  // namespace sjcp::storj
