// The part of ObjectUpload that leaves an upload to a later run, and takes one up.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/byte_record.h"
#include "core/crypto/hash.h"
#include "net/storj/object_upload.h"

namespace sjcp::storj {

using transfer::Context;

namespace {

constexpr RecordKind kPendingKind{"sjcppend", 2};
constexpr auto kSuspendLimit = std::chrono::milliseconds(900);

int64_t nanoseconds_of(const std::optional<Time>& time) {
  return time ? time->time_since_epoch().count() : 0;
}

}  // namespace

// The satellite, the project (a public part of its API key), the bucket and the key as the satellite sees it.
std::string ObjectUpload::destination() const {
  RecordWriter parts({"sjcpdest", 1});
  parts.text(session_.grant.satellite_url);
  parts.text(session_.grant.api_key.head());
  parts.text(bucket_);
  parts.text(place_.encrypted_key);
  return to_hex(crypto::sha256(std::move(parts).finish()));
}

void ObjectUpload::keep(const std::function<void(const std::string& pending)>& begun) {
  on_begun_ = begun;
}

// What was settled when the object was begun: it cannot be changed later.
std::string ObjectUpload::pending_text(const std::string& stream_id) const {
  RecordWriter out(kPendingKind);
  out.text(stream_id);
  out.text(mark_);
  out.number(static_cast<uint64_t>(nanoseconds_of(options_.expires)));
  return std::move(out).finish();
}

Result<std::set<uint64_t>> ObjectUpload::resume(const std::string& pending, uint64_t size,
                                                const Context& context) {
  RecordReader in(kPendingKind, pending);
  const std::string stream_id = in.text();
  const std::string mark = in.text();
  const auto expires = static_cast<int64_t>(in.number());
  if (!in.complete() || expires != nanoseconds_of(options_.expires)) {
    return make_error(Errc::kConflict, url_ + ": was begun in another way");
  }
  // A stream that is not pending any more has been committed or removed; a commit of it could make an empty
  // object (protocol notes 9.1).
  auto streams = pending_streams(session_, place_, mark, Asking(), context.stop);
  if (!streams) return std::move(streams).error();
  if (streams->empty()) return make_error(Errc::kNotFound, url_ + ": nothing is pending");
  std::set<uint64_t> stored;
  pb::ListSegmentsRequest request;
  request.set_stream_id(stream_id);
  request.mutable_cursor_position();
  for (;;) {
    auto list = session_.metainfo->call<pb::ListSegmentsResponse>(
        "ListSegments", pb::ListSegmentsRequest(request), Asking(), url_, context.stop);
    if (!list) return std::move(list).error();
    if (auto status = add_stored(*list, size, stored); !status) return std::move(status).error();
    if (!list->more() || list->items_size() == 0) break;
    *request.mutable_cursor_position() = list->items(list->items_size() - 1).position();
  }
  std::lock_guard lock(mutex_);
  stream_id_ = stream_id;
  mark_ = mark;
  begin_ = Begin::kDone;
  last_size_ = size - (segments_of(size) - 1) * segment_size();
  for (const uint64_t index : stored) stored_bytes_ += segment_bytes(index, size);
  return stored;
}

// Takes a segment for stored if it is exactly what this upload would store there: its size, and a key that
// opens with this grant.
Status ObjectUpload::add_stored(const pb::ListSegmentsResponse& list, uint64_t size,
                                std::set<uint64_t>& stored) const {
  for (const auto& item : list.items()) {
    const auto index = static_cast<uint64_t>(std::max(item.position().index(), 0));
    auto nonce = crypto::nonce_from(item.encrypted_key_nonce());
    const bool ours = item.position().part_number() == 0 && index < segments_of(size) &&
                      static_cast<uint64_t>(item.plain_size()) == segment_bytes(index, size) && nonce &&
                      crypto::open(crypto::CipherSuite::kAesGcm, content_key_, *nonce, item.encrypted_key());
    if (!ours) return make_error(Errc::kConflict, url_ + ": holds segments of something else");
    stored.insert(index);
  }
  return {};
}

uint64_t ObjectUpload::segments_of(uint64_t size) const {
  return std::max<uint64_t>(1, (size + segment_size() - 1) / segment_size());
}

uint64_t ObjectUpload::segment_bytes(uint64_t index, uint64_t size) const {
  return std::min(segment_size(), size - index * segment_size());
}

uint64_t ObjectUpload::suspend() {
  asker_ = {};
  pb::BatchRequest request;
  std::vector<SentCommit> sent;
  {
    std::lock_guard lock(mutex_);
    if (begin_ != Begin::kDone) return 0;
    // After a commit of unknown outcome nothing more may be said about the stream.
    if (commit_sent_) return stored_bytes_;
    sent = add_commits(request);
  }
  if (!sent.empty()) {
    Asking asking;
    asking.at_most = kSuspendLimit;
    // The user's stop signal does not hold here: what is stored already must not be lost for want of a word.
    auto response = session_.metainfo->batch(std::move(request), asking, url_, {});
    if (response) check_commits(*response, sent);
    if (!response) spdlog::info("{}; the last segments will be sent again", response.error().what);
  }
  std::lock_guard lock(mutex_);
  return stored_bytes_;
}

void ObjectUpload::discard(const std::string& pending) {
  RecordReader in(kPendingKind, pending);
  const std::string stream_id = in.text();
  if (in.good()) remove_pending(stream_id);
}

}  // namespace sjcp::storj
