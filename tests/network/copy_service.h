// The satellite's methods for copying and moving objects without their data.
#pragma once

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/satellite_state.h"

namespace sjcp::network {

class CopyService {
 public:
  explicit CopyService(SatelliteState& state) : state_(state) {}

  Outcome<pb::BeginCopyObjectResponse> begin_copy(const pb::BeginCopyObjectRequest& request);
  Outcome<pb::FinishCopyObjectResponse> finish_copy(const pb::FinishCopyObjectRequest& request);
  Outcome<pb::BeginMoveObjectResponse> begin_move(const pb::BeginMoveObjectRequest& request);
  Outcome<pb::FinishMoveObjectResponse> finish_move(const pb::FinishMoveObjectRequest& request);

 private:
  // The source object; also checks that both buckets are there.
  Outcome<ObjectRef> source(const std::string& bucket, const std::string& key, const std::string& new_bucket,
                            const std::string& version) const;

  SatelliteState& state_;
};

}  // namespace sjcp::network
