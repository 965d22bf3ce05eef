#include "tests/network/metainfo.h"

#include <algorithm>
#include <array>
#include <functional>

#include "tests/network/wire_reader.h"

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
                           Service Metainfo::* which,
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
    result.silent = fault->silent;
    if (!result.drop && !result.silent) result.failed = fault->status;
    return result;
  }
  // Of a batch, the items count.
  const bool batch = method == "CompressedBatch" || method == "Batch";
  if (!batch && !state_.limit.pass(state_.clock.steady_now())) {
    result.failed = too_many_requests();
    return result;
  }
  auto reply = dispatch(method, request, result);
  result.drop = result.drop || (fault && fault->drop_after);
  if (reply) {
    result.reply = std::move(*reply);
  } else {
    result.failed = reply.failed();
  }
  return result;
}

Outcome<std::string> Metainfo::dispatch(const std::string& method, ByteView request, CallResult& course) {
  if (method == "CompressedBatch") return compressed_batch(request, course);
  if (method == "Batch") {
    auto reply = batch(request, course);
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

}  // namespace sjcp::network
