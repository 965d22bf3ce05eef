#include "net/s3/object_copy.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/units.h"
#include "net/s3/object_info.h"
#include "net/s3/replies.h"

namespace sjcp::s3 {

using transfer::Context;

namespace {

constexpr uint64_t kMostParts = 10'000;
constexpr unsigned kAtATime = 8;
constexpr auto kAbortLimit = std::chrono::seconds(5);

std::string source_of(const Name& name) {
  return escape(name.bucket, true) + escape_path(name.key);
}

Call call_for(const char* method, const Name& name) {
  Call call;
  call.method = method;
  call.bucket = name.bucket;
  call.key = name.key;
  return call;
}

// Of what was copied or put together.
Result<std::string> call_for_etag(Requester& requester, const Call& call, const Context& context) {
  auto reply = requester.call(call, context);
  if (!reply) return std::move(reply).error();
  auto etag = parse_etag(reply->body);
  // That it is there was seen in another way.
  return etag ? std::move(etag) : Result<std::string>(std::string());
}

// A large object: every part by a request of its own, several at a time.
class PartCopy {
 public:
  PartCopy(Requester& requester, const Name& from, const Name& to, uint64_t size, std::string etag,
           Note& note, const Context& context)
      : requester_(requester),
        from_(from),
        to_(to),
        size_(size),
        etag_(std::move(etag)),
        note_(note),
        unit_(std::max(requester.settings().copy_part, (size / kMostParts / kMiB + 1) * kMiB)),
        parts_((size + unit_ - 1) / unit_),
        context_(context) {}

  Status run(const std::vector<http::Header>& headers) {
    Call begin = call_for("POST", to_);
    begin.query.emplace_back("uploads", "");
    begin.headers = headers;
    begin.tries = &note_;
    auto reply = requester_.call(begin, context_);
    if (!reply) return std::move(reply).error();
    auto id = parse_upload_id(reply->body);
    if (!id) return with_context(std::move(id).error(), shown(to_.bucket, to_.key));
    upload_id_ = *std::move(id);
    note_.begun(upload_id_);
    {
      std::vector<std::jthread> threads;
      const uint64_t count = std::min<uint64_t>(kAtATime, parts_.size());
      for (uint64_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    }
    Status status = error_ ? Status(*error_) : complete();
    if (status || remove()) note_.ended();
    return status;
  }

 private:
  void work() {
    for (;;) {
      const uint64_t index = next_.fetch_add(1);
      if (index >= parts_.size() || failed_.load()) return;
      Status status = copy_part(index);
      if (status) continue;
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(status).error();
      failed_ = true;
    }
  }

  Status copy_part(uint64_t index) {
    if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
    const uint64_t begin = index * unit_;
    const uint64_t end = std::min(size_, begin + unit_);
    Call call = call_for("PUT", to_);
    call.deed = Deed::kCopyPart;
    call.query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id_}};
    call.headers.push_back({"x-amz-copy-source", source_of(from_)});
    call.headers.push_back(
        {"x-amz-copy-source-range", "bytes=" + std::to_string(begin) + "-" + std::to_string(end - 1)});
    if (!etag_.empty()) call.headers.push_back({"x-amz-copy-source-if-match", etag_});
    auto etag = call_for_etag(requester_, call, context_);
    if (!etag) return std::move(etag).error();
    context_.counters->bytes_done.fetch_add(end - begin, std::memory_order_relaxed);
    parts_[index] = {static_cast<unsigned>(index + 1), end - begin, *std::move(etag), ""};
    return {};
  }

  Status complete() {
    Call call = call_for("POST", to_);
    call.deed = Deed::kCompose;
    call.makes = size_;
    call.query.emplace_back("uploadId", upload_id_);
    call.headers.push_back({"content-type", "application/xml"});
    const std::string body = complete_request(parts_, "");
    call.body = body;
    const auto asked = context_.clock->steady_now();
    auto reply = requester_.call(call, context_);
    if (reply) return {};
    // The upload is gone: an earlier try, whose answer was lost, may have completed it.
    const bool gone = reply.error().code == Errc::kNotFound;
    if (gone && composed(requester_, to_, parts_, context_.clock->steady_now() - asked, context_)) return {};
    return std::move(reply).error();
  }

  // False: it may still be there.
  bool remove() {
    Call call = call_for("DELETE", to_);
    call.query.emplace_back("uploadId", upload_id_);
    call.time_limit = kAbortLimit;
    transfer::Counters counters;
    auto reply = requester_.call(call, {{}, nullptr, &counters});
    return reply || reply.error().code == Errc::kNotFound;
  }

  Requester& requester_;
  const Name& from_;
  const Name& to_;
  const uint64_t size_;
  const std::string etag_;
  Note& note_;
  const uint64_t unit_;
  std::vector<StoredPart> parts_;
  const Context& context_;
  std::string upload_id_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace

Status copy_object(Requester& requester, const Name& from, const Name& to,
                   const transfer::ObjectOptions& options, Note& note, const Context& context) {
  auto head = requester.call(call_for("HEAD", from), context);
  if (!head) return std::move(head).error();
  const auto told = content_length(*head);
  if (!told)
    return make_error(Errc::kProtocol, shown(from.bucket, from.key) + ": the service does not tell its size");
  const uint64_t size = *told;
  const std::string etag = head->header("ETag").value_or("");
  context.counters->bytes_total.fetch_add(size, std::memory_order_relaxed);
  if (size > requester.settings().copy_threshold) {
    const auto& metadata = options.replaces_metadata() ? options.metadata : metadata_of(*head);
    return PartCopy(requester, from, to, size, etag, note, context).run(headers_of(metadata));
  }
  Call call = call_for("PUT", to);
  call.deed = Deed::kCopy;
  call.makes = size;
  call.headers.push_back({"x-amz-copy-source", source_of(from)});
  if (!etag.empty()) call.headers.push_back({"x-amz-copy-source-if-match", etag});
  if (options.replaces_metadata()) {
    call.headers.push_back({"x-amz-metadata-directive", "REPLACE"});
    for (auto& header : headers_of(options.metadata)) call.headers.push_back(std::move(header));
  }
  auto copied = call_for_etag(requester, call, context);
  if (!copied) return std::move(copied).error();
  context.counters->bytes_done.fetch_add(size, std::memory_order_relaxed);
  return {};
}

}  // namespace sjcp::s3
