// Batches: items that run one after the other under one header, each left to the method that it names.
#include <algorithm>
#include <functional>

#include "tests/network/metainfo.h"
#include "tests/network/wire_reader.h"
#include "tests/network/zstd_frame.h"

namespace sjcp::network {

// What earlier items of the batch made, for later ones that leave it out.
struct Metainfo::BatchRun {
  pb::RequestHeader header;
  std::string stream_id;
  std::string segment_id;
  CallResult* course = nullptr;

  // Most requests name everything themselves.
  template <class Request>
  void fill(Request&) const {}
  void fill(pb::CommitObjectRequest& request) const { fill_stream(request); }
  void fill(pb::BeginSegmentRequest& request) const { fill_stream(request); }
  void fill(pb::MakeInlineSegmentRequest& request) const { fill_stream(request); }
  void fill(pb::ListSegmentsRequest& request) const { fill_stream(request); }
  void fill(pb::DownloadSegmentRequest& request) const { fill_stream(request); }
  void fill(pb::CommitSegmentRequest& request) const { fill_segment(request); }
  void fill(pb::RetryBeginSegmentPiecesRequest& request) const { fill_segment(request); }

  // Most replies leave nothing behind.
  template <class Reply>
  void remember(const Reply&) {}
  void remember(const pb::BeginObjectResponse& reply) { stream_id = reply.stream_id(); }
  void remember(const pb::GetObjectResponse& reply) { stream_id = reply.object().stream_id(); }
  void remember(const pb::DownloadObjectResponse& reply) { stream_id = reply.object().stream_id(); }
  void remember(const pb::BeginDeleteObjectResponse& reply) { stream_id = reply.stream_id(); }
  void remember(const pb::BeginSegmentResponse& reply) { segment_id = reply.segment_id(); }
  void remember(const pb::RetryBeginSegmentPiecesResponse& reply) { segment_id = reply.segment_id(); }

 private:
  template <class Request>
  void fill_stream(Request& request) const {
    if (request.stream_id().empty()) request.set_stream_id(stream_id);
  }
  template <class Request>
  void fill_segment(Request& request) const {
    if (request.segment_id().empty()) request.set_segment_id(segment_id);
  }
};

namespace {

constexpr int32_t kNone = 0;
constexpr int32_t kZstd = 1;
constexpr size_t kMaxBatchBytes = 64 << 20;

template <class Message>
bool parse(ByteView bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

RpcFailure malformed() {
  return failure(code::kUnknown, "proto: malformed message");
}

Check check_batch_fields(ByteView bytes) {
  WireReader reader(bytes);
  WireField field;
  while (reader.next(field)) {
    if (field.number != 1 || field.type != 2) continue;
    WireReader item(field.data);
    WireField request;
    while (item.next(request)) {
      if (request.type != 2) continue;
      if (auto failed = check_fields(request.data, batch_item_field_rules(request.number))) return failed;
    }
  }
  return {};
}

}  // namespace

// A method that may be an item.
struct Metainfo::BatchMethod {
  const char* name;
  std::function<Check(Metainfo&, BatchRun&, pb::BatchRequestItem&, pb::BatchResponseItem&)> run;
};

const std::map<int, Metainfo::BatchMethod>& Metainfo::batch_methods() {
  using In = pb::BatchRequestItem;
  using Out = pb::BatchResponseItem;
  const auto row = []<class Service, class Request, class Reply>(
                       const char* name, Service Metainfo::* service,
                       Outcome<Reply> (Service::*handler)(const Request&), Request* (In::*request)(),
                       Reply* (Out::*reply)()) {
    return BatchMethod{name, [=](Metainfo& self, BatchRun& run, In& in, Out& out) -> Check {
                         Request& asked = *(in.*request)();
                         *asked.mutable_header() = run.header;
                         run.fill(asked);
                         auto outcome = ((self.*service).*handler)(asked);
                         if (!outcome) return outcome.failed();
                         run.remember(*outcome);
                         *(out.*reply)() = std::move(*outcome);
                         return {};
                       }};
  };
  using M = Metainfo;
  static const std::map<int, BatchMethod> table{
      {In::kBucketCreate, row("CreateBucket", &M::buckets_, &BucketService::create,
                              &In::mutable_bucket_create, &Out::mutable_bucket_create)},
      {In::kBucketGet, row("GetBucket", &M::buckets_, &BucketService::get, &In::mutable_bucket_get,
                           &Out::mutable_bucket_get)},
      {In::kBucketDelete, row("DeleteBucket", &M::buckets_, &BucketService::remove,
                              &In::mutable_bucket_delete, &Out::mutable_bucket_delete)},
      {In::kBucketList, row("ListBuckets", &M::buckets_, &BucketService::list, &In::mutable_bucket_list,
                            &Out::mutable_bucket_list)},
      {In::kBucketGetLocation, row("GetBucketLocation", &M::buckets_, &BucketService::location,
                                   &In::mutable_bucket_get_location, &Out::mutable_bucket_get_location)},
      {In::kBucketGetVersioning,
       row("GetBucketVersioning", &M::buckets_, &BucketService::versioning,
           &In::mutable_bucket_get_versioning, &Out::mutable_bucket_get_versioning)},
      {In::kRevokeApiKey, row("RevokeAPIKey", &M::buckets_, &BucketService::revoke,
                              &In::mutable_revoke_api_key, &Out::mutable_revoke_api_key)},
      {In::kObjectBegin, row("BeginObject", &M::objects_, &ObjectService::begin, &In::mutable_object_begin,
                             &Out::mutable_object_begin)},
      {In::kObjectCommit, row("CommitObject", &M::objects_, &ObjectService::commit,
                              &In::mutable_object_commit, &Out::mutable_object_commit)},
      {In::kObjectGet, row("GetObject", &M::objects_, &ObjectService::get, &In::mutable_object_get,
                           &Out::mutable_object_get)},
      {In::kObjectDownload, row("DownloadObject", &M::objects_, &ObjectService::download,
                                &In::mutable_object_download, &Out::mutable_object_download)},
      {In::kObjectList, row("ListObjects", &M::objects_, &ObjectService::list, &In::mutable_object_list,
                            &Out::mutable_object_list)},
      {In::kObjectBeginDelete, row("BeginDeleteObject", &M::objects_, &ObjectService::begin_delete,
                                   &In::mutable_object_begin_delete, &Out::mutable_object_begin_delete)},
      {In::kObjectsDelete, row("DeleteObjects", &M::objects_, &ObjectService::delete_many,
                               &In::mutable_objects_delete, &Out::mutable_objects_delete)},
      {In::kSegmentBegin, row("BeginSegment", &M::segments_, &SegmentService::begin,
                              &In::mutable_segment_begin, &Out::mutable_segment_begin)},
      {In::kSegmentBeginRetryPieces,
       row("RetryBeginSegmentPieces", &M::segments_, &SegmentService::retry,
           &In::mutable_segment_begin_retry_pieces, &Out::mutable_segment_begin_retry_pieces)},
      {In::kSegmentCommit, row("CommitSegment", &M::segments_, &SegmentService::commit,
                               &In::mutable_segment_commit, &Out::mutable_segment_commit)},
      {In::kSegmentMakeInline, row("MakeInlineSegment", &M::segments_, &SegmentService::make_inline,
                                   &In::mutable_segment_make_inline, &Out::mutable_segment_make_inline)},
      {In::kSegmentList, row("ListSegments", &M::segments_, &SegmentService::list, &In::mutable_segment_list,
                             &Out::mutable_segment_list)},
      {In::kSegmentDownload, row("DownloadSegment", &M::segments_, &SegmentService::download,
                                 &In::mutable_segment_download, &Out::mutable_segment_download)},
  };
  return table;
}

Check Metainfo::batch_item(BatchRun& run, pb::BatchRequestItem& item, pb::BatchResponseItem& out) {
  const auto method = batch_methods().find(item.request_case());
  if (method == batch_methods().end()) return failure(code::kUnknown, "unsupported request type");
  count(method->second.name);
  if (!state_.limit.pass(state_.clock.steady_now())) return too_many_requests();
  if (const auto fault = state_.faults.take(method->second.name)) {
    run.course->drop = fault->drop_before || fault->drop_after;
    run.course->silent = fault->silent;
    // What came before the item has taken effect; nobody hears of the failure.
    if (!fault->drop_after) return fault->status;
  }
  return method->second.run(*this, run, item, out);
}

Outcome<pb::BatchResponse> Metainfo::batch(ByteView bytes, CallResult& course) {
  if (auto failed = check_batch_fields(bytes)) return *failed;
  pb::BatchRequest request;
  if (!parse(bytes, request)) return malformed();
  BatchRun run;
  run.header = request.header();
  run.course = &course;
  pb::BatchResponse out;
  for (pb::BatchRequestItem& item : *request.mutable_requests()) {
    if (auto failed = batch_item(run, item, *out.add_responses())) return *failed;
  }
  return out;
}

Outcome<std::string> Metainfo::compressed_batch(ByteView bytes, CallResult& course) {
  pb::CompressedBatchRequest request;
  if (!parse(bytes, request)) return malformed();
  std::string inner = request.data();
  if (request.selected() == kZstd) {
    auto unpacked = zstd_unpack(request.data(), kMaxBatchBytes);
    if (!unpacked) return failure(code::kUnknown, "metainfo: invalid zstd data");
    inner = std::move(*unpacked);
  } else if (request.selected() != kNone) {
    return failure(code::kUnknown, "unsupported compression");
  }
  const auto reply = batch(inner, course);
  if (!reply) return reply.failed();
  pb::CompressedBatchResponse out;
  if (reply->responses().empty()) return out.SerializeAsString();
  const auto& supported = request.supported();
  const bool zstd = std::find(supported.begin(), supported.end(), kZstd) != supported.end();
  out.set_selected(zstd ? kZstd : kNone);
  out.set_data(zstd ? zstd_pack(reply->SerializeAsString()) : reply->SerializeAsString());
  return out.SerializeAsString();
}

}  // namespace sjcp::network
