#include "net/storj/object_upload.h"

#include <spdlog/spdlog.h>

#include "core/base/crc64.h"
#include "core/base/units.h"
#include "net/storj/codes.h"
#include "net/storj/object_requests.h"
#include "net/storj/segment_upload.h"

namespace sjcp::storj {

using transfer::Context;

namespace {

// 110 connections with their TLS state and one chunk each.
constexpr uint64_t kConnectionsMemory = 110ull * (128 << 10);
// Each segment costs round trips, and a satellite bills them.
constexpr uint64_t kSmallestSegment = 1ull << 20;
// For a segment whose offer is bad.
constexpr unsigned kFreshOffers = 2;

segment::SegmentEncoder::Options encoder_options(uint64_t segment_size) {
  segment::SegmentEncoder::Options options;
  options.max_plain_size = segment_size;
  return options;
}

uint64_t memory_of_segment(uint64_t segment_size) {
  return segment::SegmentEncoder::memory(encoder_options(segment_size)) + kConnectionsMemory;
}

// A sealed segment is held as a whole until the nodes have it.
uint64_t segment_that_fits(uint64_t memory) {
  uint64_t size = segment::kMaxSegmentSize;
  while (size > kSmallestSegment && memory_of_segment(size) > memory) size /= 2;
  return size;
}

}  // namespace

// One segment: sealed as it is appended.
class ObjectUpload::Segment final : public transfer::SegmentWriter {
 public:
  Segment(uint64_t number, uint64_t most, bool with_checksum,
          const std::shared_ptr<segment::BufferCache>& buffers)
      : index(number),
        key(crypto::Key::random()),
        checksum(with_checksum),
        encoder(options(number, most, key, buffers)) {}

  Status append(ByteView data) override {
    if (checksum) crc64 = crc64_nvme(data, crc64);
    encoder.append(data);
    return {};
  }

  static segment::SegmentEncoder::Options options(uint64_t number, uint64_t most, const crypto::Key& key,
                                                  const std::shared_ptr<segment::BufferCache>& buffers) {
    auto out = encoder_options(most);
    out.buffers = buffers;
    out.key = key;
    out.position = {0, static_cast<int32_t>(number)};
    return out;
  }

  const uint64_t index;
  const crypto::Key key;
  const bool checksum;  // wanted
  uint64_t crc64 = 0;   // of what was appended
  segment::SegmentEncoder encoder;
  std::string segment_id;
  std::vector<pb::SegmentPieceUploadResult> results;
  bool satellite_away = false;
  bool offer_refused = false;
};

// Not one node took its piece, or they say that the orders are not valid: the offer itself is bad, past its
// time for one, and an exchange of pieces keeps it.  What was stored by it is collected by the network.
bool ObjectUpload::wants_fresh_offer(const Segment& segment, const Error& error) {
  if (error.code != Errc::kNetwork || segment.satellite_away) return false;
  return segment.results.empty() || segment.offer_refused;
}

Result<std::unique_ptr<ObjectUpload>> ObjectUpload::create(const Session& session, const std::string& bucket,
                                                           const std::string& key,
                                                           const ObjectOptions& options) {
  std::string url = object_url(bucket, key);
  auto encrypted = session.grant.store.encrypt_path(bucket, key);
  if (!encrypted) return with_context(std::move(encrypted).error(), url);
  auto content_key = session.grant.store.content_key(bucket, key);
  if (!content_key) return with_context(std::move(content_key).error(), url);
  std::unique_ptr<ObjectUpload> upload(new ObjectUpload(session, bucket, key, options));
  upload->place_ = {bucket, *encrypted, url};
  upload->content_key_ = *content_key;
  upload->begin_request_ = begin_object_request(bucket, *encrypted, options);
  return upload;
}

ObjectUpload::ObjectUpload(const Session& session, std::string bucket, std::string key, ObjectOptions options)
    : session_(session),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      url_(object_url(bucket_, key_)),
      options_(std::move(options)),
      segment_size_(segment_that_fits(session.options.upload_memory)),
      buffers_(session.buffers) {}

ObjectUpload::~ObjectUpload() = default;

uint64_t ObjectUpload::memory_per_segment() const {
  return memory_of_segment(segment_size_);
}

Result<std::unique_ptr<transfer::SegmentWriter>> ObjectUpload::begin_segment(uint64_t index) {
  if (index > static_cast<uint64_t>(INT32_MAX)) return make_error(Errc::kUsage, url_ + ": too many segments");
  if (index > 0 && segment_size_ < segment::kMaxSegmentSize) {
    std::call_once(*session_.small_segments, [this] {
      spdlog::warn("{}: segments of {} instead of {}, each of which is billed: there is little memory", url_,
                   format_size(segment_size_), format_size(segment::kMaxSegmentSize));
    });
  }
  const bool checksum = session_.satellite->may_take_checksums();
  return std::unique_ptr<transfer::SegmentWriter>(new Segment(index, segment_size_, checksum, buffers_));
}

Status ObjectUpload::finish_segment(std::unique_ptr<transfer::SegmentWriter> writer, bool last,
                                    const Context& context) {
  auto& segment = static_cast<Segment&>(*writer);
  if (segment.checksum) {
    const std::lock_guard lock(mutex_);
    checks_[segment.index] = {segment.crc64, segment.encoder.plain_size()};
  }
  if (last) {
    std::lock_guard lock(mutex_);
    last_size_ = segment.encoder.plain_size();
    // A small remainder, or an empty object, lives at the satellite and travels with the commit.
    if (last_size_ <= segment::kMaxInlineSize && (last_size_ > 0 || segment.index == 0)) {
      inline_ = inline_request(segment);
      return {};
    }
  }
  segment.encoder.finish();
  {
    const std::lock_guard lock(mutex_);
    ++in_work_;
  }
  auto offer = begin_remote(segment.index, context);
  if (!offer) return std::move(offer).error();
  Status status = store(segment, std::move(*offer), context);
  for (unsigned more = kFreshOffers; more > 0 && !status && wants_fresh_offer(segment, status.error());
       --more) {
    if (context.stop.stop_requested()) break;
    context.counters->retries.fetch_add(1, std::memory_order_relaxed);
    auto other = begin_remote(segment.index, context);
    if (!other) return std::move(other).error();
    status = store(segment, std::move(*other), context);
  }
  if (!status) return status;
  std::lock_guard lock(mutex_);
  pending_commits_.push_back(commit_request(segment));
  --in_work_;
  begun_.notify_all();
  return {};
}

// Stores the segment's pieces; segment.results are what was stored, also on failure.
Status ObjectUpload::store(Segment& segment, pb::BeginSegmentResponse offer, const Context& context) {
  auto rs = redundancy_of(offer.redundancy_scheme());
  if (!rs) return with_context(std::move(rs).error(), url_);
  if (static_cast<uint32_t>(offer.addressed_limits_size()) < rs->optimal ||
      static_cast<uint32_t>(offer.addressed_limits_size()) > rs->total) {
    return make_error(Errc::kProtocol, url_ + ": the satellite offers a wrong number of pieces");
  }
  offer.mutable_redundancy_scheme()->set_success_threshold(static_cast<int32_t>(rs->optimal));
  segment.encoder.set_code(shared_code(rs->required, rs->total), *rs);
  auto exchange =
      [&](const pb::RetryBeginSegmentPiecesRequest& request) -> Result<pb::RetryBeginSegmentPiecesResponse> {
    pb::BatchRequest batch;
    *batch.add_requests()->mutable_segment_begin_retry_pieces() = request;
    auto response = session_.metainfo->batch(std::move(batch), Asking(), url_, context.stop);
    if (!response) {
      // It becomes part of an error that names the object.
      Error error = std::move(response).error();
      if (error.what.starts_with(url_ + ": ")) error.what.erase(0, url_.size() + 2);
      return error;
    }
    return std::move(*response->mutable_responses(0)->mutable_segment_begin_retry_pieces());
  };
  SegmentUpload spread(*session_.pool, std::move(offer), segment.encoder, exchange, context);
  Status status = spread.run();
  segment.segment_id = spread.segment_id();
  segment.results = spread.results();
  segment.satellite_away = spread.satellite_away();
  segment.offer_refused = spread.offer_refused();
  if (!status) return with_context(std::move(status).error(), url_);
  return {};
}

// The first segment that needs the satellite also begins the object; the others wait for its stream id.
Result<pb::BeginSegmentResponse> ObjectUpload::begin_remote(uint64_t index, const Context& context) {
  if (auto offer = take_offer(index, context.stop)) return *std::move(offer);
  std::unique_lock lock(mutex_);
  if (begin_ == Begin::kNot) {
    begin_ = Begin::kRunning;
    lock.unlock();
    auto offers = begin_object({index}, context.stop);
    lock.lock();
    begin_ = offers ? Begin::kDone : Begin::kFailed;
    if (!offers) ask_error_ = offers.error();
    begun_.notify_all();
    if (!offers) return std::move(offers).error();
    return std::move(offers->front());
  }
  if (!begun_.wait(lock, context.stop, [&] { return begin_ != Begin::kRunning; }) ||
      begin_ == Begin::kFailed) {
    if (ask_error_) return *ask_error_;
    return make_error(Errc::kCancelled, url_ + ": interrupted");
  }
  lock.unlock();
  auto offers = begin_segments({index}, context.stop);
  if (!offers) return std::move(offers).error();
  return std::move(offers->front());
}

// Moves the commits that wait into the request.  Requires: mutex_ held.
std::vector<ObjectUpload::SentCommit> ObjectUpload::add_commits(pb::BatchRequest& request) {
  std::vector<SentCommit> sent;
  for (auto& commit : pending_commits_) {
    sent.push_back({commit.upload_result_size(), static_cast<uint64_t>(commit.plain_size())});
    *request.add_requests()->mutable_segment_commit() = std::move(commit);
  }
  pending_commits_.clear();
  return sent;
}

// A satellite drops results that it does not believe without a word.
void ObjectUpload::check_commits(const pb::BatchResponse& response, const std::vector<SentCommit>& sent) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < sent.size(); ++i) {
    int kept = response.responses(static_cast<int>(i)).segment_commit().successful_pieces();
    if (kept < sent[i].pieces) {
      spdlog::warn("{}: the satellite counts {} of {} stored pieces", url_, kept, sent[i].pieces);
    }
    bytes += sent[i].plain_bytes;
  }
  std::lock_guard lock(mutex_);
  stored_bytes_ += bytes;
}

pb::CommitSegmentRequest ObjectUpload::commit_request(Segment& segment) const {
  SealedKey key = seal_segment_key(content_key_, segment.key);
  pb::CommitSegmentRequest commit;
  commit.set_segment_id(segment.segment_id);
  commit.set_encrypted_key_nonce(std::move(key.nonce));
  commit.set_encrypted_key(std::move(key.encrypted));
  commit.set_size_encrypted_data(static_cast<int64_t>(segment.encoder.encrypted_size()));
  commit.set_plain_size(static_cast<int64_t>(segment.encoder.plain_size()));
  for (auto& result : segment.results) *commit.add_upload_result() = std::move(result);
  return commit;
}

pb::MakeInlineSegmentRequest ObjectUpload::inline_request(Segment& segment) const {
  return inline_segment_request(static_cast<int32_t>(segment.index), content_key_, segment.key,
                                segment.encoder.plain_size(), segment.encoder.seal_inline());
}

}  // namespace sjcp::storj
