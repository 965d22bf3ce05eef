// The satellite's methods about segments: limits for uploads and downloads, commits, listings.
#pragma once

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/satellite_state.h"

namespace sjcp::network {

class SegmentService {
 public:
  explicit SegmentService(SatelliteState& state) : state_(state) {}

  Outcome<pb::BeginSegmentResponse> begin(const pb::BeginSegmentRequest& request);
  Outcome<pb::RetryBeginSegmentPiecesResponse> retry(const pb::RetryBeginSegmentPiecesRequest& request);
  Outcome<pb::CommitSegmentResponse> commit(const pb::CommitSegmentRequest& request);
  Outcome<pb::MakeInlineSegmentResponse> make_inline(const pb::MakeInlineSegmentRequest& request);
  Outcome<pb::ListSegmentsResponse> list(const pb::ListSegmentsRequest& request);
  Outcome<pb::DownloadSegmentResponse> download(const pb::DownloadSegmentRequest& request);
  Outcome<pb::DeletePartResponse> delete_part(const pb::DeletePartRequest& request);

 private:
  // The stream that a token names, when the key may do `action` there.
  Outcome<pb::StreamToken> open(const pb::RequestHeader& header, const std::string& stream_id,
                                Action action) const;
  Outcome<pb::SegmentToken> open_segment(const pb::RequestHeader& header,
                                         const std::string& segment_id) const;
  // The results that count: right node, right piece, signed by that node.
  std::vector<pb::SegmentPieceUploadResult> valid_results(const pb::CommitSegmentRequest& request,
                                                          const pb::SegmentToken& token) const;
  bool valid_result(const pb::SegmentPieceUploadResult& result, const pb::SegmentToken& token) const;
  Check check_segment_checksum(const std::string& checksum) const;
  Check check_commit(const pb::CommitSegmentRequest& request, const Redundancy& redundancy) const;
  Check check_cohort(const std::vector<pb::SegmentPieceUploadResult>& results,
                     const pb::SegmentToken& token) const;

  SatelliteState& state_;
};

}  // namespace sjcp::network
