#include "net/storj/small_objects.h"

#include <algorithm>
#include <utility>

#include "core/access/caveat.h"
#include "core/base/clock.h"
#include "core/base/crc64.h"
#include "core/segment/layout.h"
#include "net/storj/object_requests.h"
#include "net/storj/pending_uploads.h"

namespace sjcp::storj {

using transfer::Context;
using transfer::GroupReply;
using transfer::GroupVerdict;

namespace {

bool allowed(const Session& session, access::Op op, const std::string& bucket, const std::string& key) {
  return access::check(session.grant.api_key, {op, bucket, key, system_clock().wall_now()}).has_value();
}

// What of an error concerns the request and not one of its objects.
std::optional<GroupVerdict> common_verdict(const Error& error) {
  if (error.code == Errc::kCancelled) return GroupVerdict::kAll;
  // The satellite has been waited for already.
  if (error.code == Errc::kNetwork) return GroupVerdict::kAll;
  if (error.cause == kRpcTooManyRequests) return GroupVerdict::kTooOften;
  // A limit of the account stays used up.
  if (error.code == Errc::kLimited) return GroupVerdict::kEach;
  return std::nullopt;
}

// A denial meets every object alike unless the grant itself tells them apart.
template <class Key>
GroupVerdict denial_verdict(const Session& session, access::Op op, const std::string& bucket, size_t count,
                            const Key& key) {
  size_t may = 0;
  for (size_t i = 0; i < count; ++i) may += allowed(session, op, bucket, key(i)) ? 1 : 0;
  return may == 0 || may == count ? GroupVerdict::kEach : GroupVerdict::kOne;
}

// The error of a request with several objects, as that of one of them.
Status about(const std::string& url, const std::string& group, const Status& status) {
  if (status) return status;
  Error error = status.error();
  if (error.what.starts_with(group + ": ")) error.what.replace(0, group.size(), url);
  return error;
}

// Sealed once: a repeat sends the same bytes.
struct Prepared {
  size_t index = 0;
  pb::BeginObjectRequest begin;
  pb::MakeInlineSegmentRequest make;
  pb::CommitObjectRequest commit;
};

Result<Prepared> prepare(const Session& session, const std::string& bucket, const SmallObject& object,
                         const ObjectOptions& options) {
  auto encrypted = session.grant.store.encrypt_path(bucket, object.key);
  if (!encrypted) return std::move(encrypted).error();
  auto content_key = session.grant.store.content_key(bucket, object.key);
  if (!content_key) return std::move(content_key).error();
  const auto segment_key = crypto::Key::random();
  auto sealed = crypto::seal(crypto::CipherSuite::kAesGcm, segment_key, segment::segment_nonce({}),
                             ByteView(object.bytes));
  if (!sealed) return std::move(sealed).error();
  Prepared out;
  out.begin = begin_object_request(bucket, *encrypted, options);
  out.make = inline_segment_request(0, *content_key, segment_key, object.bytes.size(), std::move(*sealed));
  std::optional<uint64_t> check;
  if (session.satellite->may_take_checksums()) {
    announce_checksum(out.begin);
    check = crc64_nvme(object.bytes);
  }
  out.commit =
      commit_object_request(*content_key, options, segment::kMaxSegmentSize, object.bytes.size(), check);
  return out;
}

class SmallUpload {
 public:
  SmallUpload(const Session& session, const std::string& bucket, const Context& context)
      : session_(session), bucket_(bucket), group_(object_url(bucket, "")), context_(context) {}

  void add(Prepared object) {
    const std::string& key = object.begin.encrypted_object_key();
    may_repeat_ = may_repeat_ && allowed(session_, access::Op::kDelete, bucket_, key);
    objects_.push_back(std::move(object));
  }
  size_t size() const { return objects_.size(); }
  const std::string& group() const { return group_; }
  size_t index(size_t place) const { return objects_[place].index; }

  // A grant that may not delete may not replace: a repeat would be refused where the first attempt
  // succeeded, so each object is looked for by itself.
  bool may_repeat() const { return may_repeat_; }

  // The satellite gives the second and third of each three the stream that the first began.
  // Requires: may_repeat() or one object.
  GroupReply attempt(size_t begin, size_t end) {
    pb::BatchRequest request;
    for (size_t i = begin; i < end; ++i) {
      *request.add_requests()->mutable_object_begin() = objects_[i].begin;
      *request.add_requests()->mutable_segment_make_inline() = objects_[i].make;
      *request.add_requests()->mutable_object_commit() = objects_[i].commit;
    }
    // Another group may have met the refusal.
    if (!session_.satellite->may_take_checksums()) without_checksums(request);
    Asking asking = Asking::large(may_repeat_ ? flow::Question::kSafe : flow::Question::kTraceable);
    asking.waits_for_rate = false;
    const Look look = [&](const std::stop_token& stop) {
      const Prepared& object = objects_[begin];
      const PendingPlace place{bucket_, object.begin.encrypted_object_key(), group_};
      return find_object(session_, place, object.commit.encrypted_metadata_nonce(), stop);
    };
    const auto send = [&] {
      return session_.metainfo->traced_batch(pb::BatchRequest(request), asking, group_, look, context_.stop);
    };
    auto response = send();
    if (!response && refuses_checksums(response.error()) && without_checksums(request)) {
      session_.satellite->refuses_checksums();
      response = send();
    }
    if (response) return {};
    return {response.error(), verdict(response.error(), begin, end)};
  }

 private:
  GroupVerdict verdict(const Error& error, size_t begin, size_t end) const {
    if (auto common = common_verdict(error)) return *common;
    // An upload can miss nothing but its bucket.
    if (error.code == Errc::kNotFound) return GroupVerdict::kAll;
    if (error.code == Errc::kDenied && error.what.find("existing object") == std::string::npos) {
      return denial_verdict(
          session_, access::Op::kWrite, bucket_, end - begin,
          [&](size_t i) -> const std::string& { return objects_[begin + i].begin.encrypted_object_key(); });
    }
    return GroupVerdict::kOne;
  }

  const Session& session_;
  const std::string& bucket_;
  const std::string group_;
  const Context& context_;
  std::vector<Prepared> objects_;
  bool may_repeat_ = true;
};

}  // namespace

void put_small_objects(const Session& session, const std::string& bucket,
                       const std::vector<SmallObject>& objects, const ObjectOptions& options,
                       transfer::GroupSize& sizes, const std::function<void(size_t, const Status&)>& result,
                       const Context& context) {
  SmallUpload upload(session, bucket, context);
  for (size_t i = 0; i < objects.size(); ++i) {
    auto prepared = prepare(session, bucket, objects[i], options);
    if (!prepared) {
      result(i, with_context(std::move(prepared).error(), object_url(bucket, objects[i].key)));
      continue;
    }
    prepared->index = i;
    upload.add(std::move(*prepared));
  }
  const size_t step = upload.may_repeat() ? std::max<size_t>(upload.size(), 1) : 1;
  for (size_t base = 0; base < upload.size(); base += step) {
    auto calls = transfer::real_time_calls(context.stop);
    calls.attempt = [&](size_t begin, size_t end) { return upload.attempt(base + begin, base + end); };
    calls.result = [&](size_t place, const Status& status) {
      const size_t index = upload.index(base + place);
      result(index, about(object_url(bucket, objects[index].key), upload.group(), status));
    };
    transfer::run_group(step, sizes, calls);
  }
}

OpenGroup::OpenGroup(const Session& session, std::string bucket, std::vector<std::string> keys,
                     transfer::GroupSize& sizes)
    : session_(session), bucket_(std::move(bucket)), keys_(std::move(keys)), sizes_(sizes) {}

Result<pb::DownloadObjectResponse> OpenGroup::take(size_t index, const Context& context) {
  std::lock_guard lock(mutex_);
  if (!std::exchange(asked_, true)) ask(context);
  return std::exchange(found_[index], make_error(Errc::kInternal, "an answer was taken twice"));
}

void OpenGroup::ask(const Context& context) {
  encrypted_.resize(keys_.size());
  found_.assign(keys_.size(), make_error(Errc::kInternal, "never asked for"));
  for (size_t i = 0; i < keys_.size(); ++i) {
    auto encrypted = session_.grant.store.encrypt_path(bucket_, keys_[i]);
    if (encrypted) {
      encrypted_[i] = std::move(*encrypted);
      order_.push_back(i);
    } else {
      found_[i] = with_context(std::move(encrypted).error(), object_url(bucket_, keys_[i]));
    }
  }
  auto calls = transfer::real_time_calls(context.stop);
  calls.attempt = [&](size_t begin, size_t end) { return attempt(begin, end, context.stop); };
  calls.result = [&](size_t place, const Status& status) {
    if (status) return;
    const size_t index = order_[place];
    found_[index] = about(object_url(bucket_, keys_[index]), object_url(bucket_, ""), status).error();
  };
  transfer::run_group(order_.size(), sizes_, calls);
}

GroupReply OpenGroup::attempt(size_t begin, size_t end, const std::stop_token& stop) {
  pb::BatchRequest request;
  for (size_t i = begin; i < end; ++i) {
    auto& download = *request.add_requests()->mutable_object_download();
    download.set_bucket(bucket_);
    download.set_encrypted_object_key(encrypted_[order_[i]]);
  }
  Asking asking = Asking::large();
  asking.waits_for_rate = false;
  auto response = session_.metainfo->batch(std::move(request), asking, object_url(bucket_, ""), stop);
  if (response) {
    for (size_t i = begin; i < end; ++i) {
      auto& item = *response->mutable_responses(static_cast<int>(i - begin));
      found_[order_[i]] = std::move(*item.mutable_object_download());
    }
    return {};
  }
  const Error& error = response.error();
  GroupVerdict verdict = common_verdict(error).value_or(GroupVerdict::kOne);
  if (error.code == Errc::kDenied) {
    verdict = denial_verdict(session_, access::Op::kRead, bucket_, end - begin,
                             [&](size_t i) -> const std::string& { return encrypted_[order_[begin + i]]; });
  }
  return {error, verdict};
}

}  // namespace sjcp::storj
