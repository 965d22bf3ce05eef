#include "tests/network/metainfo.h"

#include <algorithm>
#include <array>
#include <functional>

#include "tests/network/wire_reader.h"
#include "tests/network/zstd_frame.h"

namespace sjcp::network {

// One method that can be called on its own.
struct Metainfo::Method {
  std::function<Outcome<std::string>(Metainfo&, ByteView)> run;
};

namespace {

template <class Message>
bool parse(ByteView bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

RpcFailure malformed() {
  return failure(code::kUnknown, "proto: malformed message");
}

constexpr int32_t kNone = 0;
constexpr int32_t kZstd = 1;
constexpr size_t kMaxBatchBytes = 64 << 20;

// Methods that the service has and that are not offered here.
constexpr std::array kUnimplemented{
    "SetBucketVersioning",
    "GetBucketTagging",
    "SetBucketTagging",
    "GetBucketObjectLockConfiguration",
    "SetBucketObjectLockConfiguration",
    "GetBucketNotificationConfiguration",
    "SetBucketNotificationConfiguration",
    "FinishDeleteObject",
    "GetObjectRetention",
    "SetObjectRetention",
    "GetObjectLegalHold",
    "SetObjectLegalHold",
    "BeginDeleteSegment",
    "FinishDeleteSegment",
};

}  // namespace

const std::map<std::string, Metainfo::Method, std::less<>>& Metainfo::methods() {
  // A method of one service: parse, run, serialize.
  const auto unary = [](auto service, auto handler) {
    return Method{[service, handler](Metainfo& self, ByteView bytes) -> Outcome<std::string> {
      const auto run = [&]<class Service, class Reply, class Request>(
                           Service Metainfo::*which,
                           Outcome<Reply> (Service::*handle)(const Request&)) -> Outcome<std::string> {
        Request request;
        if (!parse(bytes, request)) return malformed();
        auto reply = ((self.*which).*handle)(request);
        if (!reply) return reply.failed();
        return reply->SerializeAsString();
      };
      return run(service, handler);
    }};
  };
  static const std::map<std::string, Method, std::less<>> table{
      {"CreateBucket", unary(&Metainfo::buckets_, &BucketService::create)},
      {"GetBucket", unary(&Metainfo::buckets_, &BucketService::get)},
      {"GetBucketLocation", unary(&Metainfo::buckets_, &BucketService::location)},
      {"GetBucketVersioning", unary(&Metainfo::buckets_, &BucketService::versioning)},
      {"DeleteBucket", unary(&Metainfo::buckets_, &BucketService::remove)},
      {"ListBuckets", unary(&Metainfo::buckets_, &BucketService::list)},
      {"ProjectInfo", unary(&Metainfo::buckets_, &BucketService::project_info)},
      {"RevokeAPIKey", unary(&Metainfo::buckets_, &BucketService::revoke)},
      {"AccountLicenses", unary(&Metainfo::buckets_, &BucketService::licenses)},
      {"BeginObject", unary(&Metainfo::objects_, &ObjectService::begin)},
      {"CommitObject", unary(&Metainfo::objects_, &ObjectService::commit)},
      {"GetObject", unary(&Metainfo::objects_, &ObjectService::get)},
      {"DownloadObject", unary(&Metainfo::objects_, &ObjectService::download)},
      {"ListObjects", unary(&Metainfo::objects_, &ObjectService::list)},
      {"ListPendingObjectStreams", unary(&Metainfo::objects_, &ObjectService::list_pending)},
      {"BeginDeleteObject", unary(&Metainfo::objects_, &ObjectService::begin_delete)},
      {"DeleteObjects", unary(&Metainfo::objects_, &ObjectService::delete_many)},
      {"GetObjectIPs", unary(&Metainfo::objects_, &ObjectService::ips)},
      {"UpdateObjectMetadata", unary(&Metainfo::objects_, &ObjectService::update_metadata)},
      {"GetPendingObjectMetadata", unary(&Metainfo::objects_, &ObjectService::pending_metadata)},
      {"BeginSegment", unary(&Metainfo::segments_, &SegmentService::begin)},
      {"RetryBeginSegmentPieces", unary(&Metainfo::segments_, &SegmentService::retry)},
      {"CommitSegment", unary(&Metainfo::segments_, &SegmentService::commit)},
      {"MakeInlineSegment", unary(&Metainfo::segments_, &SegmentService::make_inline)},
      {"ListSegments", unary(&Metainfo::segments_, &SegmentService::list)},
      {"DownloadSegment", unary(&Metainfo::segments_, &SegmentService::download)},
      {"DeletePart", unary(&Metainfo::segments_, &SegmentService::delete_part)},
      {"BeginCopyObject", unary(&Metainfo::copies_, &CopyService::begin_copy)},
      {"FinishCopyObject", unary(&Metainfo::copies_, &CopyService::finish_copy)},
      {"BeginMoveObject", unary(&Metainfo::copies_, &CopyService::begin_move)},
      {"FinishMoveObject", unary(&Metainfo::copies_, &CopyService::finish_move)},
  };
  return table;
}

// ---- single calls ----

void Metainfo::count(const std::string& method) {
  std::lock_guard lock(mutex_);
  ++counts_[method];
}

std::map<std::string, uint64_t> Metainfo::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

CallResult Metainfo::call(const std::string& method, ByteView request) {
  CallResult result;
  count(method);
  const auto fault = state_.faults.take(method);
  if (fault && !fault->drop_after) {
    result.drop = fault->drop_before;
    if (!result.drop) result.failed = fault->status;
    return result;
  }
  auto reply = dispatch(method, request);
  result.drop = fault && fault->drop_after;
  if (reply) {
    result.reply = std::move(*reply);
  } else {
    result.failed = reply.failed();
  }
  return result;
}

Outcome<std::string> Metainfo::dispatch(const std::string& method, ByteView request) {
  if (method == "CompressedBatch") return compressed_batch(request);
  if (method == "Batch") {
    auto reply = batch(request);
    if (!reply) return reply.failed();
    return reply->SerializeAsString();
  }
  const auto found = methods().find(method);
  if (found != methods().end()) {
    if (auto failed = check_fields(request, metainfo_field_rules(method))) return *failed;
    return found->second.run(*this, request);
  }
  if (std::find(kUnimplemented.begin(), kUnimplemented.end(), method) != kUnimplemented.end()) {
    return failure(code::kUnimplemented, "Unimplemented");
  }
  return failure(code::kUnknown, "protocol error: unknown rpc: \"/metainfo.Metainfo/" + method + "\"");
}

// ---- batches ----

Outcome<std::string> Metainfo::compressed_batch(ByteView bytes) {
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
  const auto reply = batch(inner);
  if (!reply) return reply.failed();
  pb::CompressedBatchResponse out;
  if (reply->responses().empty()) return out.SerializeAsString();
  const auto& supported = request.supported();
  const bool zstd = std::find(supported.begin(), supported.end(), kZstd) != supported.end();
  out.set_selected(zstd ? kZstd : kNone);
  out.set_data(zstd ? zstd_pack(reply->SerializeAsString()) : reply->SerializeAsString());
  return out.SerializeAsString();
}

// What earlier items of the batch made, for later ones that leave it out.
struct Metainfo::BatchRun {
  pb::RequestHeader header;
  std::string stream_id;
  std::string segment_id;
};

namespace {

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

Outcome<pb::BatchResponse> Metainfo::batch(ByteView bytes) {
  if (auto failed = check_batch_fields(bytes)) return *failed;
  pb::BatchRequest request;
  if (!parse(bytes, request)) return malformed();
  BatchRun run;
  run.header = request.header();
  pb::BatchResponse out;
  for (pb::BatchRequestItem& item : *request.mutable_requests()) {
    if (auto failed = batch_item(run, item, *out.add_responses())) return *failed;
  }
  return out;
}

Check Metainfo::batch_item(BatchRun& run, pb::BatchRequestItem& item, pb::BatchResponseItem& out) {
  // Runs one item under the batch's header and keeps its reply.
  const auto serve = [&](const char* name, auto& service, auto handler, auto* request, auto* reply) -> Check {
    count(name);
    if (const auto fault = state_.faults.take(name)) {
      if (!fault->drop_before && !fault->drop_after) return fault->status;
      return failure(code::kUnavailable, "sjnet: an item of a batch cannot drop the connection");
    }
    *request->mutable_header() = run.header;
    auto outcome = (service.*handler)(*request);
    if (!outcome) return outcome.failed();
    *reply = std::move(*outcome);
    return {};
  };
  const auto chain_stream = [&](auto* request) {
    if (request->stream_id().empty()) request->set_stream_id(run.stream_id);
    return request;
  };
  const auto chain_segment = [&](auto* request) {
    if (request->segment_id().empty()) request->set_segment_id(run.segment_id);
    return request;
  };
  Check failed;
  using Item = pb::BatchRequestItem;
  switch (item.request_case()) {
    case Item::kBucketCreate:
      return serve("CreateBucket", buckets_, &BucketService::create, item.mutable_bucket_create(),
                   out.mutable_bucket_create());
    case Item::kBucketGet:
      return serve("GetBucket", buckets_, &BucketService::get, item.mutable_bucket_get(),
                   out.mutable_bucket_get());
    case Item::kBucketDelete:
      return serve("DeleteBucket", buckets_, &BucketService::remove, item.mutable_bucket_delete(),
                   out.mutable_bucket_delete());
    case Item::kBucketList:
      return serve("ListBuckets", buckets_, &BucketService::list, item.mutable_bucket_list(),
                   out.mutable_bucket_list());
    case Item::kBucketGetLocation:
      return serve("GetBucketLocation", buckets_, &BucketService::location,
                   item.mutable_bucket_get_location(), out.mutable_bucket_get_location());
    case Item::kBucketGetVersioning:
      return serve("GetBucketVersioning", buckets_, &BucketService::versioning,
                   item.mutable_bucket_get_versioning(), out.mutable_bucket_get_versioning());
    case Item::kRevokeApiKey:
      return serve("RevokeAPIKey", buckets_, &BucketService::revoke, item.mutable_revoke_api_key(),
                   out.mutable_revoke_api_key());
    case Item::kObjectBegin:
      failed = serve("BeginObject", objects_, &ObjectService::begin, item.mutable_object_begin(),
                     out.mutable_object_begin());
      run.stream_id = out.object_begin().stream_id();
      return failed;
    case Item::kObjectCommit:
      return serve("CommitObject", objects_, &ObjectService::commit,
                   chain_stream(item.mutable_object_commit()), out.mutable_object_commit());
    case Item::kObjectGet:
      failed = serve("GetObject", objects_, &ObjectService::get, item.mutable_object_get(),
                     out.mutable_object_get());
      run.stream_id = out.object_get().object().stream_id();
      return failed;
    case Item::kObjectDownload:
      failed = serve("DownloadObject", objects_, &ObjectService::download, item.mutable_object_download(),
                     out.mutable_object_download());
      run.stream_id = out.object_download().object().stream_id();
      return failed;
    case Item::kObjectList:
      return serve("ListObjects", objects_, &ObjectService::list, item.mutable_object_list(),
                   out.mutable_object_list());
    case Item::kObjectBeginDelete:
      failed = serve("BeginDeleteObject", objects_, &ObjectService::begin_delete,
                     item.mutable_object_begin_delete(), out.mutable_object_begin_delete());
      run.stream_id = out.object_begin_delete().stream_id();
      return failed;
    case Item::kObjectsDelete:
      return serve("DeleteObjects", objects_, &ObjectService::delete_many, item.mutable_objects_delete(),
                   out.mutable_objects_delete());
    case Item::kSegmentBegin:
      failed = serve("BeginSegment", segments_, &SegmentService::begin,
                     chain_stream(item.mutable_segment_begin()), out.mutable_segment_begin());
      run.segment_id = out.segment_begin().segment_id();
      return failed;
    case Item::kSegmentBeginRetryPieces:
      failed = serve("RetryBeginSegmentPieces", segments_, &SegmentService::retry,
                     chain_segment(item.mutable_segment_begin_retry_pieces()),
                     out.mutable_segment_begin_retry_pieces());
      run.segment_id = out.segment_begin_retry_pieces().segment_id();
      return failed;
    case Item::kSegmentCommit:
      return serve("CommitSegment", segments_, &SegmentService::commit,
                   chain_segment(item.mutable_segment_commit()), out.mutable_segment_commit());
    case Item::kSegmentMakeInline:
      return serve("MakeInlineSegment", segments_, &SegmentService::make_inline,
                   chain_stream(item.mutable_segment_make_inline()), out.mutable_segment_make_inline());
    case Item::kSegmentList:
      return serve("ListSegments", segments_, &SegmentService::list,
                   chain_stream(item.mutable_segment_list()), out.mutable_segment_list());
    case Item::kSegmentDownload:
      return serve("DownloadSegment", segments_, &SegmentService::download,
                   chain_stream(item.mutable_segment_download()), out.mutable_segment_download());
    default:
      return failure(code::kUnknown, "unsupported request type");
  }
}

}  // namespace sjcp::network
