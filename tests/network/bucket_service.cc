#include "tests/network/bucket_service.h"

#include "tests/network/bucket_names.h"
#include "tests/network/object_reply.h"

namespace sjcp::network {
namespace {

constexpr int32_t kUnversioned = 1;
constexpr size_t kDefaultListLimit = 10000;
constexpr int32_t kForward = 1;
constexpr int32_t kAfter = 2;

}  // namespace

pb::Bucket BucketService::reply(const BucketInfo& info) const {
  pb::Bucket out;
  out.set_name(info.name);
  *out.mutable_created_at() = to_timestamp(info.created_at);
  out.set_path_cipher(2);
  out.set_default_segment_size(state_.config.segment_bytes);
  const Redundancy redundancy = state_.placements.of(info.name).scheme(0);
  set_redundancy(*out.mutable_default_redundancy_scheme(), redundancy);
  out.mutable_default_encryption_parameters()->set_cipher_suite(2);
  out.mutable_default_encryption_parameters()->set_block_size(redundancy.stripe_size());
  return out;
}

Outcome<pb::CreateBucketResponse> BucketService::create(const pb::CreateBucketRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kWrite, request.name(), "")) return *failed;
  if (auto wrong = check_bucket_name(request.name())) return failure(code::kInvalidArgument, *wrong);
  if (request.object_lock_enabled()) {
    return failure(code::kFailedPrecondition, "Object Lock may only be enabled for versioned buckets");
  }
  if (!state_.metabase.create_bucket(request.name(), request.header().user_agent())) {
    return failure(code::kAlreadyExists, "bucket already exists");
  }
  pb::CreateBucketResponse out;
  if (const auto info = state_.metabase.bucket(request.name())) *out.mutable_bucket() = reply(*info);
  return out;
}

Outcome<BucketInfo> BucketService::readable_bucket(const pb::RequestHeader& header, const std::string& name) {
  auto credentials = state_.keys.identify(header);
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kRead, name, "")) return *failed;
  const auto info = state_.metabase.bucket(name);
  if (!info) return failure(code::kNotFound, "bucket not found: " + name);
  return *info;
}

Outcome<pb::GetBucketResponse> BucketService::get(const pb::GetBucketRequest& request) {
  const auto info = readable_bucket(request.header(), request.name());
  if (!info) return info.failed();
  pb::GetBucketResponse out;
  *out.mutable_bucket() = reply(*info);
  return out;
}

Outcome<pb::GetBucketLocationResponse> BucketService::location(const pb::GetBucketLocationRequest& request) {
  const auto info = readable_bucket(request.header(), request.name());
  if (!info) return info.failed();
  return pb::GetBucketLocationResponse();
}

Outcome<pb::GetBucketVersioningResponse> BucketService::versioning(
    const pb::GetBucketVersioningRequest& request) {
  const auto info = readable_bucket(request.header(), request.name());
  if (!info) return info.failed();
  pb::GetBucketVersioningResponse out;
  out.set_versioning(kUnversioned);
  return out;
}

Outcome<pb::DeleteBucketResponse> BucketService::remove(const pb::DeleteBucketRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kDelete, request.name(), "")) return *failed;
  if (auto wrong = check_bucket_name_length(request.name())) return failure(code::kInvalidArgument, *wrong);
  const bool may_list = credentials->allows(Action::kList, request.name(), "");
  const bool may_see = may_list || credentials->allows(Action::kRead, request.name(), "");
  pb::DeleteBucketResponse out;
  if (const auto info = state_.metabase.bucket(request.name()); info && may_see) {
    *out.mutable_bucket() = reply(*info);
  }
  const auto deleted = state_.metabase.delete_bucket(request.name(), request.delete_all() && may_list);
  if (!deleted) {
    // Without read or list permission the answer tells nothing about what the bucket holds.
    if (!may_see && deleted.failed().code != code::kNotFound) return pb::DeleteBucketResponse();
    return deleted.failed();
  }
  out.set_deleted_objects_count(*deleted);
  return out;
}

Outcome<pb::ListBucketsResponse> BucketService::list(const pb::ListBucketsRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kRead, "", "")) return *failed;
  if (request.direction() != kForward && request.direction() != kAfter) {
    return failure(code::kUnknown, "satellitedb: unknown list direction");
  }
  const size_t limit = request.limit() < 1 ? kDefaultListLimit : static_cast<size_t>(request.limit());
  const BucketPage page =
      state_.metabase.list_buckets(request.cursor(), request.direction() == kForward, limit,
                                   [&](const std::string& name) { return credentials->sees_bucket(name); });
  pb::ListBucketsResponse out;
  for (const BucketInfo& info : page.items) {
    pb::BucketListItem& item = *out.add_items();
    item.set_name(info.name);
    *item.mutable_created_at() = to_timestamp(info.created_at);
    item.set_user_agent(info.user_agent);
  }
  out.set_more(page.more);
  return out;
}

Outcome<pb::ProjectInfoResponse> BucketService::project_info(const pb::ProjectInfoRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kProjectInfo, "", "")) return *failed;
  pb::ProjectInfoResponse out;
  out.set_project_salt(state_.config.project_salt);
  out.set_project_public_id(state_.config.key_head.substr(0, 16));
  *out.mutable_project_created_at() = to_timestamp(state_.clock.wall_now());
  return out;
}

Outcome<pb::RevokeAPIKeyResponse> BucketService::revoke(const pb::RevokeAPIKeyRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = state_.keys.revoke(request.header(), request.api_key())) return *failed;
  return pb::RevokeAPIKeyResponse();
}

Outcome<pb::AccountLicensesResponse> BucketService::licenses(const pb::AccountLicensesRequest& request) {
  auto credentials = state_.keys.identify(request.header());
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(Action::kProjectInfo, "", "")) return *failed;
  return pb::AccountLicensesResponse();
}

}  // namespace sjcp::network
