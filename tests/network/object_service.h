// The satellite's methods about objects: upload begin and commit, reading, listing, deleting, metadata.
#pragma once

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/satellite_state.h"

namespace sjcp::network {

class ObjectService {
 public:
  explicit ObjectService(SatelliteState& state) : state_(state) {}

  Outcome<pb::BeginObjectResponse> begin(const pb::BeginObjectRequest& request);
  Outcome<pb::CommitObjectResponse> commit(const pb::CommitObjectRequest& request);
  Outcome<pb::GetObjectResponse> get(const pb::GetObjectRequest& request);
  Outcome<pb::DownloadObjectResponse> download(const pb::DownloadObjectRequest& request);
  Outcome<pb::ListObjectsResponse> list(const pb::ListObjectsRequest& request);
  Outcome<pb::ListPendingObjectStreamsResponse> list_pending(
      const pb::ListPendingObjectStreamsRequest& request);
  Outcome<pb::BeginDeleteObjectResponse> begin_delete(const pb::BeginDeleteObjectRequest& request);
  Outcome<pb::DeleteObjectsResponse> delete_many(const pb::DeleteObjectsRequest& request);
  Outcome<pb::GetObjectIPsResponse> ips(const pb::GetObjectIPsRequest& request);
  Outcome<pb::UpdateObjectMetadataResponse> update_metadata(const pb::UpdateObjectMetadataRequest& request);
  Outcome<pb::GetPendingObjectMetadataResponse> pending_metadata(
      const pb::GetPendingObjectMetadataRequest& request);

 private:
  // The object of that version; code 5 when there is none.
  Outcome<ObjectRef> find(const std::string& bucket, const std::string& key,
                          const std::string& version) const;
  Outcome<std::optional<Clock::Wall>> expiry(const pb::BeginObjectRequest& request,
                                             const Credentials& credentials) const;
  void delete_item(const pb::DeleteObjectsItem& item, const pb::DeleteObjectsRequest& request,
                   const Credentials& credentials, pb::DeleteObjectsResponse& out);

  SatelliteState& state_;
};

// The listing's size: 0 and too large numbers mean 1000.  kInvalidArgument when negative.
Outcome<size_t> list_limit(int32_t asked);
// kInvalidArgument unless the name could be a bucket's, as far as its length goes.
Check check_bucket_field(const std::string& bucket);
// kInvalidArgument unless empty or 16 bytes.
Check check_version_field(const std::string& version);
// Conditional writes know only "*".
Outcome<bool> only_if_absent(const google::protobuf::RepeatedPtrField<std::string>& if_none_match);

}  // namespace sjcp::network
