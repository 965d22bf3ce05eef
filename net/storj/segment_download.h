// One segment's race: connections to all offered pieces, fed into a SegmentDecoder until its range is written.
//
// Runs in the calling thread, which waits in one Poller for all connections.  Which pieces are read is decided by
// segment::PieceRace; a piece that is not needed is paid for up to the first order only and its connection is kept.
//
// Threads: one per object.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/segment/piece_race.h"
#include "core/segment/segment_decoder.h"
#include "core/transfer/context.h"
#include "net/drpc/connection.h"
#include "net/io/poller.h"
#include "net/storj/node_connection.h"
#include "net/storj/piece_download.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

struct RaceOptions {
  uint64_t first_order = 256 << 10;  // bytes paid for before a piece is known to be needed
  std::chrono::milliseconds dial_limit{10000};
  std::chrono::milliseconds silence_limit{10000};  // no byte from a piece that others wait for
  std::chrono::milliseconds review_interval{100};
};

class SegmentDownload {
 public:
  // `offer` and `decoder` must outlive this object.  read_all: every piece of the offer is read to the end, for a
  // decoder that corrects errors.
  SegmentDownload(drpc::Pool& pool, const pb::DownloadSegmentResponse& offer, segment::SegmentDecoder& decoder,
                  bool read_all, const transfer::Context& context, RaceOptions options = {});
  ~SegmentDownload();

  // Until the decoder's range is written out.  kNetwork: too few pieces are left (the text leads with the most
  // telling failure); errors of the decoder as they are; kCancelled.
  Status run();

  // "node <id>" by piece number, for messages.
  std::string node_name(unsigned piece) const;

 private:
  struct Lane;

  Status start();
  void open_lane(Lane& lane, bool fresh);
  void on_ready(Lane& lane);
  void read(Lane& lane);
  void flush(Lane& lane);
  void begin_stream(Lane& lane);
  void after_first_bytes(Lane& lane);
  void activate(unsigned piece);
  void broken(Lane& lane, Error error);
  void fail(Lane& lane, Error error);
  void finish(Lane& lane);
  void close_all();
  void resume_paused();
  void review();
  Error too_few() const;
  Lane* lane_of(unsigned piece);

  drpc::Pool& pool_;
  const pb::DownloadSegmentResponse& offer_;
  segment::SegmentDecoder& decoder_;
  const transfer::Context& context_;
  const bool read_all_;
  RaceOptions options_;
  std::optional<crypto::Ed25519Key> key_;
  segment::PieceRace race_;
  io::Poller poller_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> again_;  // have bytes that the poller cannot see
  std::vector<uint8_t> scratch_;
  std::chrono::steady_clock::time_point next_review_;
};

}  // namespace sjcp::storj
