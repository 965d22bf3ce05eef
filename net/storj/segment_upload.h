// One segment being spread over n nodes, until enough pieces are stored.
//
// Runs in the calling thread, which waits in one Poller.  Which pieces are sent to the end PieceSpread
// decides; what is still running at the end is cancelled softly.  Pieces that fail are exchanged for fresh
// limits only when what still runs cannot suffice.
//
// Threads: one per object.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/segment/piece_spread.h"
#include "core/segment/segment_encoder.h"
#include "core/transfer/context.h"
#include "core/transfer/landing.h"
#include "net/drpc/connection.h"
#include "net/io/poller.h"
#include "net/storj/cohort.h"
#include "net/storj/node_connection.h"
#include "net/storj/pace.h"
#include "net/storj/piece_upload.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

struct SpreadOptions {
  size_t chunk_size = 32 << 10;  // bytes of a piece per message
  unsigned max_exchanges = 11;
};

class SegmentUpload {
 public:
  // Asks the satellite for other nodes in place of the failed pieces.
  using Exchange =
      std::function<Result<pb::RetryBeginSegmentPiecesResponse>(const pb::RetryBeginSegmentPiecesRequest&)>;

  // `encoder` has its code set and must outlive this object.
  SegmentUpload(drpc::Pool& pool, pb::BeginSegmentResponse offer, segment::SegmentEncoder& encoder,
                Exchange exchange, const transfer::Context& context, SpreadOptions options = {});
  ~SegmentUpload();

  // Until enough pieces are stored.  kNetwork: too few nodes took their piece.
  Status run();

  // After run(): the current segment id and what was stored, sorted by piece number when it succeeded.
  const std::string& segment_id() const { return offer_.segment_id(); }
  const std::vector<pb::SegmentPieceUploadResult>& results() const { return results_; }
  // It failed because the satellite, which was waited for, could not name other nodes.
  bool satellite_away() const { return satellite_away_; }
  // A node said that its order is not valid, as all say once the offer is past its time.
  bool offer_refused() const;

 private:
  struct Lane;

  Status start();
  Status start_lane(Lane& lane);
  drpc::Peer peer_of(const Lane& lane, const access::NodeId& id) const;
  size_t least_connections(size_t optimum) const;
  Status keep_pace();
  void begin_again(Lane& lane);
  void open_lane(Lane& lane, bool fresh);
  void open_waiting();
  void on_ready(Lane& lane, bool readable);
  void pump(Lane& lane);
  bool flush(Lane& lane);
  bool goes_on(Lane& lane);
  std::vector<segment::PieceSpread::Progress> leading() const;
  void keep_together();
  void review();
  void release(const std::vector<unsigned>& pieces);
  void want_write(Lane& lane, bool want);
  void read(Lane& lane);
  void begin_stream(Lane& lane);
  void store_result(Lane& lane);
  void broken(Lane& lane, Error error);
  void fail(Lane& lane, Error error);
  void cancel_rest();
  void check_limits();
  void note_acknowledged(NodeConnection& link);
  void note_acknowledged();
  bool satisfied() const;
  size_t running() const;
  Status exchange_failed();
  Result<pb::RetryBeginSegmentPiecesResponse> other_nodes(pb::RetryBeginSegmentPiecesRequest& request);
  Error too_few() const;

  drpc::Pool& pool_;
  pb::BeginSegmentResponse offer_;
  segment::SegmentEncoder& encoder_;
  Exchange exchange_;
  const transfer::Context& context_;
  SpreadOptions options_;
  std::optional<crypto::Ed25519Key> key_;
  Pace pace_;
  ConnectionShare share_;
  io::Poller poller_;
  std::chrono::steady_clock::time_point began_;
  std::optional<segment::PieceSpread> spread_;
  std::chrono::steady_clock::time_point next_review_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> unopened_;  // no connection may be opened for them yet
  std::vector<pb::SegmentPieceUploadResult> results_;
  std::vector<uint8_t> scratch_;
  bool waits_ = false;  // some lane for others
  unsigned exchanges_ = 0;
  std::optional<Error> first_failure_;  // of a piece; what is said where too few are stored
  bool satellite_away_ = false;
  uint64_t acknowledged_ = 0;  // of pieces
  transfer::Landing landing_{*context_.counters};
};

}  // namespace sjcp::storj
