#include "net/storj/object_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/wait.h"
#include "core/segment/object_metadata.h"
#include "net/storj/codes.h"
#include "net/storj/object_requests.h"
#include "net/storj/segment_download.h"

namespace sjcp::storj {

using segment::ByteRange;
using transfer::Context;
using Correction = RaceOptions::Correction;

namespace {

// Attempts on one segment since it last made progress (protocol notes 9.2).
constexpr int kMaxAttempts = 6;
constexpr int kMaxAttemptsWhenLost = 2;
constexpr size_t kRingBytes = 128 << 10;
// A connection's TLS state with its 64 KiB read-ahead.
constexpr uint64_t kConnectionMemory = 96 << 10;
// All that the network's usual scheme stores, so that the nearest can be found.  The satellite charges by the
// segment, not by the node, and nodes are paid for what they are asked to send.
constexpr int32_t kWantedNodes = 80;

pb::Range range_of(const transfer::RangeRequest& range) {
  pb::Range out;
  if (range.suffix) {
    out.mutable_suffix()->set_plain_suffix(static_cast<int64_t>(range.end.value_or(0)));
  } else if (range.end) {
    out.mutable_start_limit()->set_plain_start(static_cast<int64_t>(range.begin));
    out.mutable_start_limit()->set_plain_limit(static_cast<int64_t>(*range.end));
  } else {
    out.mutable_start()->set_plain_start(static_cast<int64_t>(range.begin));
  }
  return out;
}

transfer::Digest crc64_digest(uint64_t value) {
  std::array<uint8_t, sizeof value> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
  return {transfer::DigestKind::kCrc64Nvme, to_hex(ByteView(bytes.data(), bytes.size()))};
}

segment::Position position_of(const pb::SegmentPosition& position) {
  return {position.part_number(), position.index()};
}

}  // namespace

// Progress of one fetch() over its attempts.
struct ObjectSource::Attempt {
  size_t segment;
  ByteRange wanted;  // plain bytes of the object; begin moves on as bytes are written
  transfer::Output& output;
  const Context& context;
  bool all_nodes = false;
  bool lost = false;      // too many nodes of the last attempt said that they have no piece
  bool left_out = false;  // pieces that could have helped to correct errors
  std::optional<Error> no_satellite = std::nullopt;  // it was waited for in vain
  Correction correction = Correction::kNone;

  // After wrong data.  False: nothing better is left to try.
  bool correct_more() {
    if (correction == Correction::kPatient || (correction == Correction::kQuick && !left_out)) return false;
    correction = correction == Correction::kNone ? Correction::kQuick : Correction::kPatient;
    return true;
  }
};

ObjectSource::ObjectSource(const Session& session, std::string bucket, std::string key, Finder find)
    : session_(session),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      url_(object_url(bucket_, key_)),
      find_(std::move(find)),
      shelf_([this](std::span<const OfferShelf::Wanted> wanted, const std::stop_token& stop) {
        return ask(wanted, stop);
      }) {}

ObjectSource::~ObjectSource() = default;

Result<transfer::ObjectInfo> ObjectSource::open(const transfer::RangeRequest& range, const Context& context) {
  auto encrypted = session_.grant.store.encrypt_path(bucket_, key_);
  if (!encrypted) return with_context(std::move(encrypted).error(), url_);
  auto content_key = session_.grant.store.content_key(bucket_, key_);
  if (!content_key) return with_context(std::move(content_key).error(), url_);
  encrypted_key_ = std::move(*encrypted);
  content_key_ = *content_key;

  auto found = request_object(range, context);
  if (!found) return std::move(found).error();
  auto& download = *found;
  if (auto status = read_object(download.object()); !status) return std::move(status).error();
  auto resolved = range.resolve(object_size_);
  if (!resolved) return with_context(std::move(resolved).error(), url_);
  Offer first;
  if (download.segment_download_size() > 0) {
    first =
        std::make_shared<const pb::DownloadSegmentResponse>(std::move(*download.mutable_segment_download(0)));
    if (auto status = add_stored(first->position(), first->plain_offset(), first->plain_size()); !status) {
      return std::move(status).error();
    }
  }
  if (auto status = list_rest(std::move(*download.mutable_segment_list()), context.stop); !status) {
    return std::move(status).error();
  }
  if (auto status = cut_to_range(*resolved); !status) return std::move(status).error();
  if (first) keep_first(std::move(first));

  transfer::ObjectInfo info;
  info.name = url_;
  info.size = object_size_;
  info.range = *resolved;
  info.created = std::chrono::time_point_cast<std::chrono::system_clock::duration>(
      time_of(download.object().created_at()));
  info.version = download.object().object_version();
  info.metadata = metadata_;
  if (crc64_) info.digests.push_back(crc64_digest(*crc64_));
  const pb::Object& object = download.object();
  if (object.has_expires_at() && time_of(object.expires_at()) > Time())
    info.expires = time_of(object.expires_at());
  return info;
}

Result<pb::DownloadObjectResponse> ObjectSource::request_object(const transfer::RangeRequest& range,
                                                                const Context& context) {
  if (find_ && range.everything()) return find_(context);
  pb::BatchRequest request;
  auto& download = *request.add_requests()->mutable_object_download();
  download.set_bucket(bucket_);
  download.set_encrypted_object_key(encrypted_key_);
  download.set_desired_nodes(kWantedNodes);
  if (!range.everything()) *download.mutable_range() = range_of(range);
  auto response = session_.metainfo->batch(std::move(request), Asking(), url_, context.stop);
  if (response) return std::move(*response->mutable_responses(0)->mutable_object_download());
  if (response.error().cause == kRpcInvalidArgument && !range.everything()) {
    // The satellite refuses a range that has nothing of the object in it, in words that only it understands.
    return make_error(Errc::kUsage, url_ + ": the range lies outside the object", kRpcInvalidArgument);
  }
  return std::move(response).error();
}

Status ObjectSource::read_object(const pb::Object& object) {
  auto metadata =
      segment::open_metadata(object.encrypted_metadata(), object.encrypted_metadata_encrypted_key(),
                             object.encrypted_metadata_nonce(), content_key_, sealed_checksum(object));
  if (!metadata) return with_context(std::move(metadata).error(), url_);
  metadata_ = metadata->user;
  crc64_ = metadata->crc64;
  stream_id_ = object.stream_id();
  fixed_segment_size_ = metadata->segments_size;
  last_segment_size_ = metadata->last_segment_size;
  number_of_segments_ = metadata->number_of_segments;
  auto suite = static_cast<crypto::CipherSuite>(object.encryption_parameters().cipher_suite());
  int64_t block = object.encryption_parameters().block_size();
  if (suite == crypto::CipherSuite::kUnspecified) {
    suite = static_cast<crypto::CipherSuite>(metadata->encryption_type);
    block = metadata->encryption_block_size;
  }
  bool sealed = suite == crypto::CipherSuite::kAesGcm || suite == crypto::CipherSuite::kSecretBox;
  if ((!sealed && suite != crypto::CipherSuite::kNull) || block <= 0 || block > (16 << 20) ||
      (sealed && block <= static_cast<int64_t>(crypto::kTagSize))) {
    return make_error(Errc::kUnsupported, url_ + ": the object is encrypted in an unknown way");
  }
  layout_ = {suite, static_cast<uint32_t>(block)};
  int64_t size = object.plain_size();
  if (size == 0 && number_of_segments_ > 0 && fixed_segment_size_ > 0) {
    // Objects from before the satellite kept plain sizes.
    size = (number_of_segments_ - 1) * fixed_segment_size_ + last_segment_size_;
  }
  if (size < 0) return make_error(Errc::kProtocol, url_ + ": the satellite names a negative size");
  object_size_ = static_cast<uint64_t>(size);
  return {};
}

Status ObjectSource::list_rest(pb::ListSegmentsResponse list, const std::stop_token& stop) {
  for (;;) {
    if (auto status = add_segments(list); !status) return status;
    if (!list.more() || list.items_size() == 0) return {};
    pb::ListSegmentsRequest request;
    request.set_stream_id(stream_id_);
    *request.mutable_cursor_position() = list.items(list.items_size() - 1).position();
    auto next = session_.metainfo->call<pb::ListSegmentsResponse>("ListSegments", std::move(request),
                                                                  Asking(), url_, stop);
    if (!next) return std::move(next).error();
    list = std::move(*next);
  }
}

Status ObjectSource::add_segments(const pb::ListSegmentsResponse& list) {
  for (const auto& item : list.items()) {
    if (auto status = add_stored(item.position(), item.plain_offset(), item.plain_size()); !status)
      return status;
  }
  return {};
}

Status ObjectSource::add_stored(const pb::SegmentPosition& position, int64_t plain_offset,
                                int64_t plain_size) {
  if (fixed_segment_size_ > 0 && position.part_number() == 0) {
    plain_offset = position.index() * fixed_segment_size_;
    plain_size = position.index() == number_of_segments_ - 1 ? last_segment_size_ : fixed_segment_size_;
  }
  if (plain_offset < 0 || plain_size < 0 || plain_size > std::numeric_limits<int64_t>::max() - plain_offset) {
    return make_error(Errc::kProtocol, url_ + ": the satellite lists an impossible segment");
  }
  auto begin = static_cast<uint64_t>(plain_offset);
  stored_.push_back({position_of(position), {begin, begin + static_cast<uint64_t>(plain_size)}});
  return {};
}

// Orders the segments, drops the one listed twice, and keeps what the range touches.
Status ObjectSource::cut_to_range(ByteRange range) {
  std::sort(stored_.begin(), stored_.end(), [](const Stored& a, const Stored& b) {
    return std::pair(a.bytes.begin, a.position) < std::pair(b.bytes.begin, b.position);
  });
  stored_.erase(std::unique(stored_.begin(), stored_.end(),
                            [](const Stored& a, const Stored& b) { return a.position == b.position; }),
                stored_.end());
  std::vector<Stored> kept;
  uint64_t next = range.begin;
  for (const Stored& s : stored_) {
    ByteRange cut{std::max(s.bytes.begin, range.begin), std::min(s.bytes.end, range.end)};
    if (cut.begin >= cut.end) continue;
    if (cut.begin != next) break;
    next = cut.end;
    segments_.push_back({segments_.size(), cut});
    kept.push_back(s);
  }
  if (next != range.end) {
    return make_error(Errc::kProtocol, url_ + ": the satellite's segments do not cover the object");
  }
  stored_ = std::move(kept);
  return {};
}

void ObjectSource::keep_first(Offer first) {
  if (first->has_redundancy_scheme()) {
    if (auto rs = redundancy_of(first->redundancy_scheme())) redundancy_ = *rs;
  }
  if (!stored_.empty() && stored_[0].position == position_of(first->position())) {
    shelf_.put({.segment = 0}, std::move(first));
  }
}

void ObjectSource::expect(std::span<const transfer::Segment> next) {
  std::vector<OfferShelf::Wanted> wanted;
  for (const auto& segment : next) wanted.push_back({.segment = segment.index});
  shelf_.expect(wanted);
}

uint64_t ObjectSource::memory_per_segment() const {
  segment::SegmentDecoder::Options options;
  options.rs = redundancy_;
  if (redundancy_.required == 0) options.rs = {29, 35, 65, 80, segment::kShareSize};
  options.layout = layout_;
  options.ring_bytes = kRingBytes;
  const uint64_t connections = options.rs.required + options.rs.required / 3 + 1;
  return segment::SegmentDecoder::memory(options, options.rs.required) + connections * kConnectionMemory;
}

Result<std::vector<Offer>> ObjectSource::ask(std::span<const OfferShelf::Wanted> wanted,
                                             const std::stop_token& stop) {
  pb::BatchRequest request;
  for (const auto& each : wanted) {
    auto& download = *request.add_requests()->mutable_segment_download();
    download.set_stream_id(stream_id_);
    download.mutable_cursor_position()->set_part_number(stored_[each.segment].position.part);
    download.mutable_cursor_position()->set_index(stored_[each.segment].position.index);
    download.set_desired_nodes(each.all_nodes ? std::numeric_limits<int32_t>::max() : kWantedNodes);
  }
  auto batch = session_.metainfo->batch(std::move(request), Asking(), url_, stop);
  if (!batch) return std::move(batch).error();
  std::vector<Offer> offers;
  for (auto& response : *batch->mutable_responses()) {
    offers.push_back(
        std::make_shared<const pb::DownloadSegmentResponse>(std::move(*response.mutable_segment_download())));
  }
  return offers;
}

Status ObjectSource::fetch(const transfer::Segment& segment, transfer::Output& output,
                           const Context& context) {
  Attempt attempt{segment.index, segment.bytes, output, context};
  int failures = 0;
  for (;;) {
    uint64_t before = attempt.wanted.begin;
    auto offer = shelf_.take({segment.index, attempt.all_nodes}, context.stop);
    if (!offer) return std::move(offer).error();
    bool inline_segment = (*offer)->addressed_limits_size() == 0;
    Status status = inline_segment ? fetch_inline(**offer, attempt) : fetch_remote(*offer, attempt);
    if (status) return {};
    failures = attempt.wanted.begin > before ? 1 : failures + 1;
    if (attempt.no_satellite) return *attempt.no_satellite;
    Errc code = status.error().code;
    bool damaged = code == Errc::kIntegrity && !inline_segment;
    if (damaged && !attempt.correct_more()) return status;  // beyond repair, or the key is wrong
    // Nodes that say that they have nothing will say so again.
    const int attempts = attempt.lost ? kMaxAttemptsWhenLost : kMaxAttempts;
    if ((code != Errc::kNetwork && !damaged) || failures >= attempts) return status;
    if (!damaged) attempt.correction = Correction::kNone;
    // Asking every node that stores a piece costs nothing unless it is read, and is the best chance now.
    attempt.all_nodes = true;
    spdlog::info("{}; asking for the segment again", status.error().what);
    context.counters->retries.fetch_add(1, std::memory_order_relaxed);
    if (!damaged && !wait_unless_stopped(std::chrono::milliseconds(100 << failures), context.stop)) {
      return make_error(Errc::kCancelled, url_ + ": interrupted");
    }
  }
}

Result<crypto::Key> ObjectSource::segment_key(const pb::DownloadSegmentResponse& offer) const {
  auto nonce = crypto::nonce_from(offer.encrypted_key_nonce());
  if (!nonce) return make_error(Errc::kProtocol, url_ + ": the satellite sends a malformed key nonce");
  auto plain = crypto::open(layout_.cipher, content_key_, *nonce, offer.encrypted_key());
  if (!plain) return make_error(Errc::kIntegrity, url_ + ": the segment's key does not open with this grant");
  if (plain->empty()) return crypto::Key();
  auto key = crypto::Key::from(*plain);
  if (!key) return make_error(Errc::kIntegrity, url_ + ": the segment's key is malformed");
  return *key;
}

Status ObjectSource::fetch_inline(const pb::DownloadSegmentResponse& offer, Attempt& attempt) {
  const Stored& stored = stored_[attempt.segment];
  auto key = segment_key(offer);
  if (!key) return std::move(key).error();
  auto plain = crypto::open(layout_.cipher, *key, segment::segment_nonce(stored.position),
                            offer.encrypted_inline_data());
  if (!plain || plain->size() < stored.bytes.size()) {
    return make_error(Errc::kIntegrity,
                      url_ + ": an inline segment does not open: it is damaged at the satellite");
  }
  ByteView bytes = ByteView(*plain).sub(attempt.wanted.begin - stored.bytes.begin, attempt.wanted.size());
  return attempt.output.write(attempt.wanted.begin, bytes);
}

Status ObjectSource::fetch_remote(const Offer& shared_offer, Attempt& attempt) {
  const pb::DownloadSegmentResponse& offer = *shared_offer;
  const Stored& stored = stored_[attempt.segment];
  auto key = segment_key(offer);
  if (!key) return std::move(key).error();
  auto rs = redundancy_of(offer.redundancy_scheme());
  if (!rs) return with_context(std::move(rs).error(), url_);
  segment::SegmentDecoder::Options options;
  options.rs = *rs;
  options.layout = layout_;
  options.encrypted_size = static_cast<uint64_t>(offer.segment_size());
  options.plain_size = stored.bytes.size();
  options.key = *key;
  options.position = stored.position;
  options.range = {attempt.wanted.begin - stored.bytes.begin, attempt.wanted.end - stored.bytes.begin};
  options.correct_errors = attempt.correction != Correction::kNone;
  options.ring_bytes = kRingBytes;
  if (offer.segment_size() <= 0 || options.encrypted_size % layout_.encrypted_block != 0 ||
      options.encrypted_size < segment::encrypted_size(options.plain_size, layout_)) {
    return make_error(Errc::kProtocol, url_ + ": the satellite names an impossible segment size");
  }
  segment::SegmentDecoder decoder(shared_code(rs->required, rs->total), options,
                                  [&](uint64_t offset, ByteView data) {
                                    return attempt.output.write(stored.bytes.begin + offset, data);
                                  });
  RaceOptions race_options;
  race_options.correction = attempt.correction;
  race_options.slack = kRingBytes / 2;
  if (!attempt.all_nodes) {
    race_options.all_nodes = [&] {
      auto answer = shelf_.poll({attempt.segment, true});
      if (answer && !*answer && answer->error().code == Errc::kNetwork)
        attempt.no_satellite = answer->error();
      return answer;
    };
  }
  SegmentDownload race(*session_.pool, *session_.nodes, shared_offer, decoder, attempt.context, race_options);
  Status status = race.run();
  // What is verified need not be fetched again.
  if (Status flushed = decoder.flush(); !flushed) status = std::move(flushed);
  attempt.wanted.begin += decoder.written();
  attempt.lost = race.lost();
  attempt.left_out = race.left_out();
  attempt.context.counters->bytes_needed.fetch_add(decoder.consumed() * rs->required,
                                                   std::memory_order_relaxed);
  race.blame(decoder.wrong_pieces());
  for (unsigned piece : decoder.wrong_pieces()) {
    spdlog::warn("{}: piece {} from {} is damaged and was corrected", url_, piece, race.node_name(piece));
  }
  if (status) return {};
  return with_context(std::move(status).error(), url_);
}

}  // namespace sjcp::storj
