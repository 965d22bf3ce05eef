// The part of ObjectUpload that begins and commits, finds out what became of either, and removes what was
// begun.
#include <spdlog/spdlog.h>

#include "core/access/caveat.h"
#include "core/base/clock.h"
#include "core/base/crc64.h"
#include "net/storj/object_requests.h"
#include "net/storj/object_upload.h"

namespace sjcp::storj {

using transfer::Context;

namespace {

constexpr auto kAbortLimit = std::chrono::seconds(5);

bool is_denied(const Error& error) {
  return error.code == Errc::kDenied;
}

std::vector<pb::BeginSegmentResponse> offers_of(pb::BatchResponse& response, size_t count) {
  std::vector<pb::BeginSegmentResponse> offers;
  const int first = response.responses_size() - static_cast<int>(count);
  for (int at = first; at < response.responses_size(); ++at) {
    offers.push_back(std::move(*response.mutable_responses(at)->mutable_segment_begin()));
  }
  return offers;
}

}  // namespace

// ---- beginning ----

void ObjectUpload::note_begin() {
  if (session_.options.notes == nullptr) return;
  const uint64_t note = session_.options.notes->begun(service_name(session_), begun_note(place_, mark_));
  const std::lock_guard lock(mutex_);
  note_ = note;
}

void ObjectUpload::end_note() {
  uint64_t note = 0;
  {
    const std::lock_guard lock(mutex_);
    note = std::exchange(note_, 0);
  }
  if (note != 0) session_.options.notes->ended(note);
}

void ObjectUpload::add_begin_segment(pb::BatchRequest& request, const std::string& stream_id,
                                     uint64_t index) {
  auto& begin = *request.add_requests()->mutable_segment_begin();
  begin.set_stream_id(stream_id);
  begin.mutable_position()->set_index(static_cast<int32_t>(index));
  begin.set_max_order_limit(static_cast<int64_t>(segment::encrypted_size(segment::kMaxSegmentSize, {})));
}

// Begins the object and these segments.
Result<std::vector<pb::BeginSegmentResponse>> ObjectUpload::begin_object(const std::vector<uint64_t>& indexes,
                                                                         const std::stop_token& stop) {
  pb::BatchRequest request;
  *request.add_requests()->mutable_object_begin() = begin_request_;
  mark_ = mark_begun(*request.mutable_requests(0)->mutable_object_begin(), content_key_);
  // The satellite fills in the stream id of the object that this batch begins.
  for (const uint64_t index : indexes) add_begin_segment(request, "", index);
  if (session_.satellite->may_take_checksums()) {
    announce_checksum(*request.mutable_requests(0)->mutable_object_begin());
  }
  note_begin();
  std::string found;
  auto response = begin_batch(request, found, stop);
  if (!response && refuses_checksums(response.error()) && without_checksums(request)) {
    session_.satellite->refuses_checksums();
    response = begin_batch(request, found, stop);
  }
  if (!response) return std::move(response).error();
  begun(*response ? (*response)->responses(0).object_begin().stream_id() : found);
  if (!*response) return begin_segments(indexes, stop);
  return offers_of(**response, indexes.size());
}

Result<std::optional<pb::BatchResponse>> ObjectUpload::begin_batch(const pb::BatchRequest& request,
                                                                   std::string& found,
                                                                   const std::stop_token& stop) {
  return session_.metainfo->traced_batch(
      pb::BatchRequest(request), {flow::Question::kTraceable}, url_,
      [&](const std::stop_token& token) { return find_begun(found, token); }, stop);
}

// Who may not list begins once more: what the first try began is then left to the satellite.
Trace ObjectUpload::find_begun(std::string& stream_id, const std::stop_token& stop) const {
  auto streams = pending_streams(session_, place_, mark_, Asking(), stop);
  if (!streams) return is_denied(streams.error()) ? Trace::kNotDone : Trace::kUnknown;
  if (streams->empty()) return Trace::kNotDone;
  stream_id = streams->front();
  return Trace::kDone;
}

// Also commits what waits for it.  Of a stream that is pending all of it may be said twice.
Result<std::vector<pb::BeginSegmentResponse>> ObjectUpload::begin_segments(
    const std::vector<uint64_t>& indexes, const std::stop_token& stop) {
  pb::BatchRequest request;
  std::vector<SentCommit> sent;
  {
    const std::lock_guard lock(mutex_);
    sent = add_commits(request);
    for (const uint64_t index : indexes) add_begin_segment(request, stream_id_, index);
  }
  auto response = session_.metainfo->batch(std::move(request), Asking(), url_, stop);
  if (!response) return std::move(response).error();
  check_commits(*response, sent);
  return offers_of(*response, indexes.size());
}

void ObjectUpload::begun(const std::string& stream_id) {
  {
    const std::lock_guard lock(mutex_);
    stream_id_ = stream_id;
  }
  if (!on_begun_) return;
  on_begun_(pending_text(stream_id));
  // From here on the journal has it.
  end_note();
}

// ---- committing ----

Status ObjectUpload::commit(const Context& context) {
  end_asking();
  pb::BatchRequest request;
  std::vector<SentCommit> sent;
  bool begins = false;
  uint64_t size = 0;
  std::string nonce;
  {
    std::lock_guard lock(mutex_);
    if (ask_error_) return *ask_error_;
    begins = begin_ == Begin::kNot;
    if (begins) *request.add_requests()->mutable_object_begin() = begin_request_;
    sent = add_commits(request);
    if (inline_) {
      size += last_size_;
      *request.add_requests()->mutable_segment_make_inline() = std::move(*inline_);
      request.mutable_requests(request.requests_size() - 1)
          ->mutable_segment_make_inline()
          ->set_stream_id(stream_id_);
    }
    auto& commit = *request.add_requests()->mutable_object_commit();
    const auto check = session_.satellite->may_take_checksums() ? whole_check() : std::nullopt;
    if (begins && check) announce_checksum(*request.mutable_requests(0)->mutable_object_begin());
    commit = commit_object_request(content_key_, options_, segment_size_, last_size_, check);
    commit.set_stream_id(stream_id_);
    nonce = commit.encrypted_metadata_nonce();
    commit_sent_ = true;
  }
  const Look look = [&](const std::stop_token& stop) {
    return begins ? find_committed(nonce, stop) : find_uncommitted(nonce, stop);
  };
  const auto send = [&] {
    return session_.metainfo->traced_batch(
        pb::BatchRequest(request), Asking::large(flow::Question::kTraceable), url_, look, context.stop);
  };
  auto response = send();
  if (!response && refuses_checksums(response.error()) && without_checksums(request)) {
    session_.satellite->refuses_checksums();
    response = send();
  }
  if (!response) {
    // A commit of unknown outcome may still happen; what stays pending after all is left to its note.
    commit_sent_ = response.error().code == Errc::kNetwork || response.error().code == Errc::kCancelled;
    return std::move(response).error();
  }
  if (*response) {
    check_commits(**response, sent);
    std::lock_guard lock(mutex_);
    size += stored_bytes_;
  }
  end_note();
  return *response ? check_size(**response, size) : Status();
}

// Of the whole object; nothing: an earlier run has stored some of it.  Requires: mutex_ held.
std::optional<uint64_t> ObjectUpload::whole_check() const {
  uint64_t crc64 = 0;
  uint64_t next = 0;
  uint64_t bytes = 0;
  for (const auto& [index, check] : checks_) {
    if (index != next++) return std::nullopt;
    crc64 = crc64_nvme_combine(crc64, check.crc64, check.bytes);
    bytes += check.bytes;
  }
  if (next == 0 || bytes != (next - 1) * segment_size_ + last_size_) return std::nullopt;
  return crc64;
}

// The satellite says what it has committed.
Status ObjectUpload::check_size(const pb::BatchResponse& response, uint64_t size) const {
  const auto& object = response.responses(response.responses_size() - 1).object_commit().object();
  if (object.plain_size() == static_cast<int64_t>(size)) return {};
  return make_error(Errc::kProtocol, url_ + ": the satellite has committed " +
                                         std::to_string(object.plain_size()) + " of " + std::to_string(size) +
                                         " bytes; upload it again");
}

// Of an upload that begins with its commit, and may be sent as a whole again.  Who may not look, but may
// replace, has it from the second commit.
Trace ObjectUpload::find_committed(const std::string& nonce, const std::stop_token& stop) const {
  const auto may = [&](access::Op op) {
    const auto now = system_clock().wall_now();
    return access::check(session_.grant.api_key, {op, bucket_, place_.encrypted_key, now}).has_value();
  };
  const bool may_look = may(access::Op::kRead) || may(access::Op::kList);
  if (!may_look) return may(access::Op::kDelete) ? Trace::kNotDone : Trace::kUnknown;
  return find_object(session_, place_, nonce, stop);
}

// The same of an upload that was pending before.  It may be committed again only as long as it still is: a
// commit of what is not could make an empty object (protocol notes 9.1).  A segment can be begun only then.
Trace ObjectUpload::find_uncommitted(const std::string& nonce, const std::stop_token& stop) const {
  const Trace committed = find_object(session_, place_, nonce, stop);
  if (committed != Trace::kNotDone) return committed;
  pb::BatchRequest request;
  add_begin_segment(request, stream_id_, static_cast<uint64_t>(INT32_MAX) - 1);
  const auto pending = session_.metainfo->batch(std::move(request), Asking(), url_, stop);
  if (pending) return Trace::kNotDone;
  // The first commit may have come in between.
  return find_object(session_, place_, nonce, stop) == Trace::kDone ? Trace::kDone : Trace::kUnknown;
}

// ---- removing ----

void ObjectUpload::abort() {
  asker_ = {};
  std::string stream_id;
  bool begun = false;
  {
    std::lock_guard lock(mutex_);
    // After a commit of unknown outcome nothing more may be said about the stream (protocol notes 9.1).
    if (begin_ == Begin::kNot || commit_sent_) return;
    begin_ = Begin::kFailed;
    stream_id = stream_id_;
    begun = !stream_id.empty() || note_ != 0;
  }
  if (!begun || remove_pending(stream_id)) end_note();
}

// Without a stream id what has our mark: the answer that names it never came.  The user's stop signal does
// not hold here: removing what was begun is part of stopping well.  False: something may be left that can be
// removed.
bool ObjectUpload::remove_pending(const std::string& stream_id) {
  Asking asking;
  asking.at_most = kAbortLimit;
  const Status removed = stream_id.empty() ? remove_streams(session_, place_, mark_, asking, {})
                                           : remove_stream(session_, place_, stream_id, asking, {});
  if (!removed && !stream_id.empty()) {
    spdlog::warn("{}; the unfinished upload was not removed", removed.error().what);
  }
  // Who may not remove it will not be able to later.
  return removed || is_denied(removed.error());
}

}  // namespace sjcp::storj
