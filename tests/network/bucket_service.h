// The satellite's methods about buckets, the project and its keys.
#pragma once

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/satellite_state.h"

namespace sjcp::network {

class BucketService {
 public:
  explicit BucketService(SatelliteState& state) : state_(state) {}

  Outcome<pb::CreateBucketResponse> create(const pb::CreateBucketRequest& request);
  Outcome<pb::GetBucketResponse> get(const pb::GetBucketRequest& request);
  Outcome<pb::GetBucketLocationResponse> location(const pb::GetBucketLocationRequest& request);
  Outcome<pb::GetBucketVersioningResponse> versioning(const pb::GetBucketVersioningRequest& request);
  Outcome<pb::DeleteBucketResponse> remove(const pb::DeleteBucketRequest& request);
  Outcome<pb::ListBucketsResponse> list(const pb::ListBucketsRequest& request);
  Outcome<pb::ProjectInfoResponse> project_info(const pb::ProjectInfoRequest& request);
  Outcome<pb::RevokeAPIKeyResponse> revoke(const pb::RevokeAPIKeyRequest& request);
  Outcome<pb::AccountLicensesResponse> licenses(const pb::AccountLicensesRequest& request);

 private:
  // The bucket, when the key may read its metadata.
  Outcome<BucketInfo> readable_bucket(const pb::RequestHeader& header, const std::string& name);
  pb::Bucket reply(const BucketInfo& info) const;

  SatelliteState& state_;
};

}  // namespace sjcp::network
